package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/presence-gateway/presence-gateway/internal/config"
)

func checkCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Check configuration, credential, permission and surroundings, with a remedy for what fails",
		Long: `Check everything that serve depends on, a line each, with a remedy for what fails. One presence read of the configured
kind is made, inside the budget that the record in state_dir leaves.

Exit code 0: all passed, a read among them. 1: something failed. 2: the configuration cannot be used.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return check(cmd, path) },
	}
	cmd.Flags().StringVar(&path, "config", "", "the configuration file (required)")
	return cmd
}

func check(cmd *cobra.Command, path string) error {
	if path == "" {
		return usageError{errNoConfig}
	}
	r := &findings{w: cmd.OutOrStdout()}
	c, notices, err := config.Load(path, os.Environ(), judgeCredential, judgeDoor)
	if err != nil {
		r.fail("configuration", path+" cannot be used", "mend what is listed below")
		return err
	}
	r.ok("configuration", path)
	for _, notice := range notices {
		r.warn("configuration", notice, "")
	}
	ctx, stop := untilInterrupted(cmd.Context())
	defer stop()
	e := &examination{findings: r, c: c, state: stateDir(c.StateDir)}
	e.stateDir()
	e.publicURL()
	e.certificate()
	e.signIn(ctx)
	e.redis(ctx)
	if err := e.graph(ctx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	switch {
	case r.failed > 0:
		return fmt.Errorf("check: %d of %d failed", r.failed, r.lines)
	case !e.read:
		return errors.New("check: no presence was read, so that it is not known whether one can be")
	}
	return nil
}

var errNoConfig = errors.New("--config is missing: name the configuration file (config.example.yaml shows every key)")

// examination is one run of the checks. Each method says what it found.
type examination struct {
	*findings
	c     *config.Config
	state string
	read  bool // a presence read of the configured kind succeeded
}

// findings are the lines of a check.
type findings struct {
	w             io.Writer
	lines, failed int
}

func (f *findings) ok(name, text string)           { f.say("ok", name, text, "") }
func (f *findings) warn(name, text, remedy string) { f.say("warn", name, text, remedy) }

func (f *findings) fail(name, text, remedy string) {
	f.failed++
	f.say("FAIL", name, text, remedy)
}

// say writes a finding in 80 columns, its remedy below it.
func (f *findings) say(word, name, text, remedy string) {
	const margin, width = 21, 79
	f.lines++
	lead := fmt.Sprintf("%-4s  %-14s ", word, name)
	for _, line := range wrap(text, width-margin) {
		fmt.Fprintf(f.w, "%-*s%s\n", margin, lead, line)
		lead = ""
	}
	lead = "> "
	for _, line := range wrap(remedy, width-margin-2) {
		fmt.Fprintf(f.w, "%*s%-2s%s\n", margin, "", lead, line)
		lead = ""
	}
}

// wrap breaks a text into lines of at most width characters, where its words allow it.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
