// Command presence-gateway reads presences from Microsoft Graph inside its budget and streams them to browsers.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/presence-gateway/presence-gateway/internal/config"
)

func main() { os.Exit(execute(os.Args[1:])) }

// Exit codes, part of the contract.
const (
	exitSuccess = 0
	exitFailure = 1
	exitUsage   = 2
)

// usageError is a command line that cannot be.
type usageError struct{ error }

// execute runs one command line and answers the process's exit code.
func execute(args []string) int {
	started := false
	root := &cobra.Command{
		Use:           "presence-gateway",
		Short:         "Streams the presence of Microsoft 365 users to browsers, inside Graph's budget",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			started = true // from here on an error is not one of usage, unless it says so
			boundMemory()
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(demoCommand(), serveCommand(), checkCommand(), planCommand(), simulateCommand(), benchCommand(), watchCommand(), healthCommand(), versionCommand())
	root.SetArgs(args)
	command, err := root.ExecuteC()
	if err == nil {
		return exitSuccess
	}
	var problems config.Problems
	var usage usageError
	switch {
	case errors.As(err, &problems):
		fmt.Fprintln(os.Stderr, problems)
		return exitUsage
	case errors.As(err, &usage) || !started:
		fmt.Fprintf(os.Stderr, "%s: %v\nSee '%s --help'.\n", root.Name(), err, command.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", root.Name(), err)
	return exitFailure
}
