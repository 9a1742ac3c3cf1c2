package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// commit is set by builds that have no repository around them, such as an image's.
var commit string

// build is what this binary was made from, as the Go tool recorded it.
type build struct{ Version, Commit, Go string }

func thisBuild() build {
	b := build{Version: "devel", Commit: "unknown", Go: runtime.Version()}
	recorded, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := recorded.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	if commit != "" {
		b.Commit = commit
		return b
	}
	modified := false
	for _, setting := range recorded.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.modified":
			modified = setting.Value == "true"
		}
	}
	if modified {
		b.Commit += " (modified)"
	}
	return b
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := thisBuild()
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "presence-gateway %s\ncommit %s\n%s %s/%s\n", b.Version, b.Commit, b.Go, runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
