package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nacsim/sim/scenario"
)

// Main runs the command line of this process and returns the exit code.
func Main(runner Runner) int {
	return Execute(New(runner), os.Args[1:], os.Stdout, os.Stderr)
}

// Execute runs a command made by [New] with the given arguments, and returns the exit code.
func Execute(root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteC()
	if err == nil {
		return ExitOK
	}
	code := exitCode(err)
	if e, ok := err.(*exitError); ok && e.err == nil {
		return code
	}
	message := strings.TrimRight(err.Error(), "\n")
	if _, ours := err.(*exitError); !ours { // usage, in the words of the library
		message = command.CommandPath() + ": " + oneLine(message) + fmt.Sprintf(" (see %q)", command.CommandPath()+" --help")
	}
	fmt.Fprintln(stderr, message)
	return code
}

// oneLine joins the lines of a message.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

const rootHelp = `nacsim plays network access control: a NAC, access points, switches, client devices and Microsoft
Intune, which know each other only over the wire (RADIUS, EAPOL, HTTPS).

What happens is written in a scenario, a YAML file that describes the network, scripts what happens in it
and states what must be true. By default it is played in a virtual world, where a day passes in milliseconds and
the same seed gives the same bytes; with --live, on real sockets in real time.

Exit codes: 0 all passed, 1 an expectation failed, 2 bad input or usage, 3 a fault of nacsim itself.`

const rootExamples = `  nacsim run scenarios/onboarding-wireless.yaml   play one scenario and print what happens
  nacsim run scenarios                            play all scenarios of a folder
  nacsim validate my-scenario.yaml                find mistakes in a scenario without playing it
  nacsim schema > scenario.schema.json            the JSON Schema of scenarios, for editors`

// New returns the command line of nacsim, with run leaving the running to the runner.
func New(runner Runner) *cobra.Command {
	root := &cobra.Command{
		Use:           "nacsim",
		Short:         "Play network access control scenarios",
		Long:          rootHelp,
		Example:       rootExamples,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noUnknownCommand,
		RunE: func(c *cobra.Command, _ []string) error {
			c.SetOut(c.ErrOrStderr())
			_ = c.Help()
			return &exitError{code: ExitBadInput}
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newRun(runner), newValidate(), newNAC(), newAP(), newFakegraph(), newSchema(), newVersion(), newRecords(), newFaults())
	root.SetHelpCommand(newHelp(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = noUnknownCommand
			c.RunE = func(c *cobra.Command, _ []string) error {
				return badInput("nacsim completion: name the shell: bash, zsh, fish or powershell")
			}
		}
	}
	return root
}

// newHelp is the help of the library, except that a command it does not know is an error.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",
		RunE: func(_ *cobra.Command, args []string) error {
			command, rest, err := root.Find(args)
			switch {
			case err != nil || command == root && len(rest) > 0:
				return noUnknownCommand(root, args)
			case len(rest) > 0:
				return badInput("nacsim help: unexpected argument %q after %s", rest[0], command.Name())
			}
			return command.Help()
		},
	}
}

// noUnknownCommand refuses arguments, which can only be misspelt commands.
func noUnknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	hint := "; there are " + strings.Join(names, ", ")
	if best := scenario.Closest(args[0], names); best != "" {
		hint = fmt.Sprintf("; did you mean %q?", best)
	} else if _, err := os.Stat(args[0]); err == nil && c.Name() == "nacsim" {
		hint = fmt.Sprintf("; did you mean \"nacsim run %s\"?", args[0])
	}
	return badInput("%s: unknown command %q%s", c.CommandPath(), args[0], hint)
}

// flagError adds what was probably meant to the error about an unknown flag.
func flagError(c *cobra.Command, err error) error {
	message := err.Error()
	if name, ok := strings.CutPrefix(message, "unknown flag: --"); ok {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if best := scenario.Closest(name, names); best != "" {
			return fmt.Errorf("unknown flag --%s; did you mean --%s?", name, best)
		}
		return fmt.Errorf("unknown flag --%s", name)
	}
	if invalid := (*pflag.InvalidValueError)(nil); errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "bool" {
		return fmt.Errorf("--%s is true or false, not %q", invalid.GetFlag().Name, invalid.GetValue())
	}
	return err
}
