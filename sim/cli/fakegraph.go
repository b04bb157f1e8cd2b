package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"nacsim/fakegraph/config"
)

const fakegraphHelp = `Plays Microsoft Entra ID, Microsoft Graph and Intune for one tenant, live: an HTTPS server that real clients of the
three can use, unmodified but for the address, or through --proxy entirely unmodified.

The tenant is one YAML file: app registrations, users, groups, devices, compliance policies, and how the services behave where the
real ones do so in several ways. Without a file it is an example, whose client id and secret are printed, with commands to
paste; "nacsim fakegraph init FOLDER" writes that file, and "nacsim schema --tenant" is its reference. --devices adds so many made-up ones.

The CA is made at the first start and kept in the folder --state, as is the key that tokens are signed with; clients
must trust its ca.pem. Everything else begins anew at each start. With --keep it goes on where it was, and the devices
of the file count for the first start only.

Each request is a line: when, its status and duration, what it asked for, by which app; and why it was refused, how much of a
limit was used, or which fault was injected, if so. "!" marks what matched nothing, with what is near.

With --proxy, programs that cannot be told where Graph is need only HTTPS_PROXY and a CA to trust. The proxy leads to
fakegraph and nowhere else.

The control API below /control changes devices, apps and users, injects faults, moves the clock and shows the requests:
"curl --cacert fakegraph-state/ca.pem https://127.0.0.1:8443/control" lists what there is.

SIGHUP, like POST /control/reset, begins again with the tenant as the file says by then. Ctrl-C (SIGINT) and SIGTERM end it.

Exit codes: 0 ended by a signal, 2 bad input or a port that is taken, 3 a fault of nacsim itself.`

const fakegraphExamples = `  nacsim fakegraph                                 an example, on https://127.0.0.1:8443
  nacsim fakegraph init lab                        write lab/tenant.yaml, to be changed
  nacsim fakegraph lab/tenant.yaml                 the tenant of a file
  nacsim fakegraph --devices 50000 --seed 7        a company's fleet
  nacsim fakegraph --listen 0.0.0.0:443 --name graph.lab.example
  nacsim fakegraph --proxy 127.0.0.1:8080          for programs with HTTPS_PROXY=http://127.0.0.1:8080 SSL_CERT_FILE=fakegraph-state/ca.pem
  nacsim fakegraph --log off --log-file requests.jsonl

  curl="curl --cacert fakegraph-state/ca.pem"; at=https://127.0.0.1:8443/control
  $curl $at/devices/LAPTOP-1 -X PATCH -d '{"antivirus": false}'
  $curl $at/devices/LAPTOP-1/sync -X POST
  $curl $at/clock -d '{"advance": "8h"}'
  $curl "$at/requests?unmatched=true"`

// defaultState is the folder of the CA and the keys.
const defaultState = "fakegraph-state"

// fakegraphFlags are the flags of fakegraph as given.
type fakegraphFlags struct {
	file            string // empty for the example
	check           bool
	devices         int
	seed            seedFlag
	listen, proxy   addressFlag
	state           string
	keep            bool
	names           []string
	public, control string
	log             logFlag
	logFile         string
	quiet           bool
}

func newFakegraph() *cobra.Command {
	flags := &fakegraphFlags{}
	c := &cobra.Command{
		Use:     "fakegraph [FILE]",
		Short:   "Run Entra ID, Graph and Intune alone, for any client of them",
		Long:    fakegraphHelp,
		Example: fakegraphExamples,
		Args:    oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				flags.file = args[0]
			}
			r := &fakegraphRun{flags: flags, stdout: c.OutOrStdout(), stderr: c.ErrOrStderr()}
			if flags.check {
				return r.report()
			}
			return r.run()
		},
	}
	c.AddCommand(newFakegraphInit())
	_ = flags.listen.Set("127.0.0.1:8443")
	_ = flags.log.Set("line")
	f := c.Flags()
	f.SortFlags = false
	f.BoolVar(&flags.check, "check", false, "read the file, report mistakes, and end")
	f.IntVar(&flags.devices, "devices", 0, "add so many made-up devices, and users for them")
	f.Var(&flags.seed, "seed", "what the devices are made up from; the same seed gives the same devices; without it 1")
	f.Var(&flags.listen, "listen", "serve HTTPS at this address; port 0 is any free one")
	f.Var(&flags.proxy, "proxy", "be an HTTP proxy at this address too, which leads clients that want to go to Microsoft here")
	f.StringVar(&flags.state, "state", defaultState, "folder of the CA and the signing key, which are made when there are none")
	f.BoolVar(&flags.keep, "keep", false, "keep what changes in the folder --state, and go on with it at the next start")
	f.StringArrayVar(&flags.names, "name", nil, "a further DNS name or IP address for the certificate; may be given several times")
	f.StringVar(&flags.public, "public", "", "begin absolute URLs in replies with this, such as https://graph.lab.example, instead of what the client used")
	f.StringVar(&flags.control, "control", "on", "the control API: on, off, or the token that it wants")
	f.Var(&flags.log, "log", "print requests as a line, as json, or off")
	f.StringVar(&flags.logFile, "log-file", "", "append requests to this file, as JSON lines")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "print warnings and errors only")
	return c
}

// oneFile accepts the name of a file, or nothing.
func oneFile(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return badInput("%s: unexpected argument %q; it takes one file", c.CommandPath(), args[1])
	}
	return nil
}

func newFakegraphInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init FOLDER",
		Short: "Write a tenant file to begin with",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return badInput("nacsim fakegraph init: name one folder")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			dir := args[0]
			path, err := writeNew("nacsim fakegraph init", dir, []newFile{{"tenant.yaml", config.Example, true}, {"tenant.schema.json", config.Schema(), false}})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is a tenant to begin with. Change it, and run\n\n  nacsim fakegraph %[1]s\n", path)
			return nil
		},
	}
}
