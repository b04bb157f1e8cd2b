package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"nacsim/nac/config"
)

const nacHelp = `Runs the NAC alone, live: a RADIUS server that real access points and switches can ask. It authenticates devices
by EAP, decides by a policy which network each may join, and, with an Intune account, moves a device when it
becomes compliant or ceases to be.

Everything is in one YAML file, which names the others: certificates, the policy, users. To begin with,

  nacsim nac --init lab

makes a folder with such a file, a policy, a CA, and certificates for the server and for one client, and prints how
to try it with eapol_test or a real device. "nacsim schema --nac" is the reference of the file,
"nacsim schema --policy" that of the policy.

Every decision is a line, with the reason; of more than twenty in a second only the number is printed. --trace
writes all there is to know, one JSON object a line ("nacsim help records"), and --capture the packets with the
secrets of TLS, for Wireshark; both take time and room, and are not for a busy server.

With an api section, "nacsim nac status", link and unlink show and change its Intune account while it runs.

SIGHUP has the files read again: policy, clients, users, certificates, CAs, revocation, and the secret or certificate for
Intune. Sessions to which something else is due now are changed, and those of disabled users ended. Addresses, state, limits,
api, coa and, of intune, what says whose account it is change with a restart only. A file with a mistake leaves everything as it was. SIGUSR1 prints what has happened so far, in numbers.
Ctrl-C (SIGINT) and SIGTERM end the NAC.

Exit codes: 0 ended by a signal, or --check and --init succeeded, 2 bad input or a port that is taken, 3 a fault of
nacsim itself.`

const nacExamples = `  nacsim nac --init lab                            a folder with everything to begin with
  nacsim nac --config lab/nac.yaml                 run it, on ports 1812 and 1813
  nacsim nac --config lab/nac.yaml --check         only find mistakes in the files
  nacsim nac --config lab/nac.yaml --auth 127.0.0.1:11812 --acct 127.0.0.1:11813
  nacsim nac --config lab/nac.yaml --capture radius.pcapng --trace nac.jsonl`

// nacFlags are the flags of nac as given.
type nacFlags struct {
	config, init   string
	check, quiet   bool
	trace, capture string
	auth, acct     addressFlag
}

func newNAC() *cobra.Command {
	flags := &nacFlags{}
	c := &cobra.Command{
		Use:     "nac --config FILE",
		Short:   "Run the NAC alone, for real access points and switches",
		Long:    nacHelp,
		Example: nacExamples,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return flags.run(c)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&flags.config, "config", "", "the NAC's configuration file")
	f.BoolVar(&flags.check, "check", false, "read all files, report mistakes and warnings, and end")
	f.StringVar(&flags.init, "init", "", "make this folder, with a configuration to begin with, and end")
	f.Var(&flags.auth, "auth", "serve authentication at this address instead of the file's; port 0 is any free one")
	f.Var(&flags.acct, "acct", "serve accounting at this address instead of the file's; port 0 is any free one")
	f.StringVar(&flags.trace, "trace", "", "write everything that happens to this file, as JSON lines")
	f.StringVar(&flags.capture, "capture", "", "write the packets and TLS secrets to this file, for Wireshark (pcapng)")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "print warnings and errors only")
	c.AddCommand(newNACStatus(), newNACLink(), newNACUnlink())
	return c
}

// run does what the flags ask for.
func (f *nacFlags) run(c *cobra.Command) error {
	switch {
	case f.init != "" && f.config != "":
		return badInput("nacsim nac: --init makes a new configuration, --config runs one; give one of them")
	case f.init != "":
		return initNAC(f.init, time.Now(), c.OutOrStdout())
	case f.config == "":
		return badInput("nacsim nac: name the configuration file with --config FILE, or make one with --init FOLDER")
	}
	cfg, err := f.load()
	if err != nil {
		return err
	}
	if f.check {
		return f.report(c, cfg)
	}
	n := &nacRun{flags: f, stdout: c.OutOrStdout(), stderr: c.ErrOrStderr()}
	return n.run(cfg)
}

// load reads the configuration with the flags that replace parts of it.
func (f *nacFlags) load() (*config.Config, error) {
	cfg, err := config.Load(f.config)
	var mistakes config.Errors
	switch {
	case errors.As(err, &mistakes):
		return nil, &exitError{ExitBadInput, err}
	case errors.Is(err, fs.ErrNotExist):
		return nil, badInput("nacsim nac: there is no file %s; --init FOLDER makes one to begin with", f.config)
	case err != nil:
		return nil, badInput("nacsim nac: %s cannot be read: %v", f.config, reason(err))
	}
	if f.auth.value.IsValid() {
		cfg.Auth = f.auth.value
	}
	if f.acct.value.IsValid() {
		cfg.Acct = f.acct.value
	}
	return cfg, nil
}

// report says what is in a configuration that is right, and what should be better.
func (f *nacFlags) report(c *cobra.Command, cfg *config.Config) error {
	now := time.Now()
	fmt.Fprintf(c.OutOrStdout(), "ok  %s\n", f.config)
	for _, line := range cfg.Summary(now) {
		fmt.Fprintf(c.OutOrStdout(), "    %s\n", line)
	}
	for _, warning := range cfg.Warnings(now) {
		fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", warning)
	}
	return nil
}
