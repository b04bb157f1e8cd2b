package cli

import (
	"github.com/spf13/cobra"
)

const fakegraphHelp = `Plays Microsoft Entra ID, Microsoft Graph and Intune for one tenant, live: an HTTPS server that real clients of the
three can use, unmodified but for the address, or through --proxy entirely unmodified.

Without a file there is a tenant to begin with, whose client id and secret are printed, with commands to paste.

The CA is made at the first start and kept in the folder --state, as is the key that tokens are signed with; clients
must trust its ca.pem. Ctrl-C (SIGINT) and SIGTERM end it.

Exit codes: 0 ended by a signal, 2 bad input or a port that is taken, 3 a fault of nacsim itself.`

const fakegraphExamples = `  nacsim fakegraph                                 a tenant to begin with, on https://127.0.0.1:8443
  nacsim fakegraph --listen 0.0.0.0:443 --name graph.lab.example`

// defaultState is the folder of the CA and the keys.
const defaultState = "fakegraph-state"

// fakegraphFlags are the flags of fakegraph as given.
type fakegraphFlags struct {
	listen addressFlag
	state  string
	names  []string
	quiet  bool
}

func newFakegraph() *cobra.Command {
	flags := &fakegraphFlags{}
	c := &cobra.Command{
		Use:     "fakegraph",
		Short:   "Run Entra ID, Graph and Intune alone, for any client of them",
		Long:    fakegraphHelp,
		Example: fakegraphExamples,
		Args:    noArguments,
		RunE: func(c *cobra.Command, args []string) error {
			r := &fakegraphRun{flags: flags, stdout: c.OutOrStdout(), stderr: c.ErrOrStderr()}
			return r.run()
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	_ = flags.listen.Set("127.0.0.1:8443")
	f := c.Flags()
	f.SortFlags = false
	f.Var(&flags.listen, "listen", "serve HTTPS at this address; port 0 is any free one")
	f.StringVar(&flags.state, "state", defaultState, "folder of the CA and the signing key, which are made when there are none")
	f.StringArrayVar(&flags.names, "name", nil, "a further DNS name or IP address for the certificate; may be given several times")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "print warnings and errors only")
	return c
}
