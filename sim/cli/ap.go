package cli

import (
	"time"

	"github.com/spf13/cobra"
)

const apHelp = `Connects devices through a simulated access point or switch to a RADIUS server that is not simulated: nacsim nac,
FreeRADIUS, or any other. It reports for each device what came of it: accepted or refused and why, the VLAN and
what else the server granted, whether both sides have the same keys, TLS version, round trips and time.

One device is described by flags; more, and everything else there is to set, by a YAML file (--config):
"nacsim ap --init FILE" writes one to begin with, "nacsim schema --ap" is the reference of its keys.

After the report the sessions are kept until Ctrl-C, or for as long as --for says: accounting is sent, CoA-Requests
and Disconnect-Requests are obeyed (--das), devices re-authenticate, and what happens is printed. --once ends after
the report. At the end the sessions are closed, and the server is told so.

With --load there is no link layer, and the server is put under load: --concurrency so many at a time, or --rate so
many a second, for a --duration or until --count have begun. With a rate, the latency of each counts from when it
was to begin, so a server that stalls cannot hide it.

Exit codes: 0 every device met its expectation (by default, to be accepted; with --load, every authentication was),
1 one did not, 2 bad input, 3 a fault of nacsim itself.`

const apExamples = `  nacsim ap --server 127.0.0.1 --secret s --method ttls-pap --user u --password p --ca ca.pem --once
  nacsim ap --server 10.0.0.1 --secret s --certificate laptop.pem --key laptop.key --ca ca.pem --kind switch --das 3799
  nacsim ap --server 10.0.0.1 --secret s --method mab --kind switch --mac 00:1c:b3:09:85:15 --expect-vlan 20 --once
  nacsim ap --config lab.yaml --once --json
  nacsim ap --config lab.yaml --load --concurrency 8 --duration 10s
  nacsim ap --config lab.yaml --load --rate 500 --count 10000 --json`

// apFlags are the flags of ap as given.
type apFlags struct {
	config, init string

	server, acct, secret                        string
	kind, ssid, nasName, nasAddress             string
	das                                         int
	name, mac, method, user, password, identity string
	anonymous, certificate, key, ca, serverName string
	tls, profile, expect, expectVLAN            string
	fragment                                    int

	once, json     bool
	keep, wait     durationFlag
	parallel       int
	trace, capture string
	verbose        bool

	load        bool
	concurrency int
	rate        float64
	duration    durationFlag
	count       int
	clients     int
	lanes       int
	resume      bool
	accounting  bool
}

func newAP() *cobra.Command {
	flags := &apFlags{}
	c := &cobra.Command{
		Use:     "ap [--config FILE]",
		Short:   "Connect devices through an access point or switch to any RADIUS server",
		Long:    apHelp,
		Example: apExamples,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return flags.run(c)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags.define(c)
	return c
}

func (f *apFlags) define(c *cobra.Command) {
	s := c.Flags()
	s.SortFlags = false
	s.StringVar(&f.config, "config", "", "the file with server, access points, switches and devices")
	s.StringVar(&f.init, "init", "", "write a file to begin with, and end")
	s.StringVar(&f.server, "server", "", "address of the RADIUS server, with or without a port (1812)")
	s.StringVar(&f.acct, "acct", "", "address for accounting, or none (by default the port after that of --server)")
	s.StringVar(&f.secret, "secret", "", "shared secret")
	s.StringVar(&f.kind, "kind", "", "ap or switch (ap)")
	s.StringVar(&f.ssid, "ssid", "", "name of the wireless network (corp)")
	s.StringVar(&f.nasName, "nas-name", "", "NAS-Identifier (ap-1 or sw-1)")
	s.StringVar(&f.nasAddress, "nas-address", "", "NAS-IP-Address (the address that the server sees)")
	s.IntVar(&f.das, "das", -1, "take CoA-Requests and Disconnect-Requests at this UDP port (not at all)")
	s.StringVar(&f.method, "method", "", "tls, ttls-pap, peap-mschapv2 …, or mab, mab-chap, mab-eap-md5")
	s.StringVar(&f.identity, "identity", "", "EAP identity (the user, or what the certificate names)")
	s.StringVar(&f.anonymous, "anonymous", "", "identity said in the clear")
	s.StringVar(&f.user, "user", "", "user inside of a tunnel (the identity)")
	s.StringVar(&f.password, "password", "", "password")
	s.StringVar(&f.certificate, "certificate", "", "file with the client certificate, in PEM")
	s.StringVar(&f.key, "key", "", "file with its private key, in PEM")
	s.StringVar(&f.ca, "ca", "", "file with the authorities of the server's certificate, in PEM, or none to believe any server")
	s.StringVar(&f.serverName, "server-name", "", "name that the server's certificate must carry (any)")
	s.StringVar(&f.tls, "tls", "", "the only version of TLS, 1.2 or 1.3 (both)")
	s.IntVar(&f.fragment, "fragment", 0, "most TLS data in one EAP packet, 64 to 1398 (1398)")
	s.StringVar(&f.profile, "profile", "", "habits of a real supplicant")
	s.StringVar(&f.name, "name", "", "what the device is called; {n} is its number")
	s.StringVar(&f.mac, "mac", "", "MAC address of the first device")
	s.StringVar(&f.expect, "expect", "", "what must come of it: accept, reject or no-reply (accept)")
	s.StringVar(&f.expectVLAN, "expect-vlan", "", "the VLAN that it must get")
	s.IntVar(&f.count, "count", 0, "how many such devices (1); with --load, how many authentications")
	s.BoolVar(&f.once, "once", false, "end after the report")
	s.Var(&f.keep, "for", "keep the sessions for so long (until Ctrl-C)")
	s.Var(&f.wait, "wait", "how long to wait for each device before it counts as unanswered (60s)")
	s.IntVar(&f.parallel, "parallel", 32, "how many devices connect at a time")
	s.BoolVar(&f.json, "json", false, "print the report as JSON")
	s.BoolVarP(&f.verbose, "verbose", "v", false, "print what happens packet by packet")
	s.StringVar(&f.trace, "trace", "", "write everything that happens to this file, as JSON lines")
	s.StringVar(&f.capture, "capture", "", "write packets and TLS secrets to this file, for Wireshark (pcapng)")
	s.BoolVar(&f.load, "load", false, "put the server under load instead")
	s.IntVar(&f.concurrency, "concurrency", 0, "load: authentications at a time (1; with --rate, the most)")
	s.Float64Var(&f.rate, "rate", 0, "load: authentications a second")
	s.Var(&f.duration, "duration", "load: for how long (10s, unless --count says how many)")
	s.IntVar(&f.clients, "clients", 0, "load: how many clients to make of the devices, each with a MAC address of its own")
	s.IntVar(&f.lanes, "ports", 0, "load: how many source ports to use (up to 8)")
	s.BoolVar(&f.resume, "resume", false, "load: let clients resume TLS sessions")
	s.BoolVar(&f.accounting, "accounting", false, "load: account for each session with a Start and a Stop")
}

// waitStandard is for how long a device is waited for, and durationStandard for how long a load lasts.
const (
	waitStandard     = 60 * time.Second
	durationStandard = 10 * time.Second
)

func (f *apFlags) run(c *cobra.Command) error {
	if f.init != "" {
		return initAP(f.init, c.OutOrStdout())
	}
	cfg, err := f.configuration()
	if err != nil {
		return err
	}
	if f.load {
		return runLoad(f, cfg, c.OutOrStdout())
	}
	if f.parallel < 1 {
		return badInput("nacsim ap: --parallel %d: want at least 1", f.parallel)
	}
	for _, name := range []string{"concurrency", "rate", "duration", "clients", "ports", "resume", "accounting"} {
		if c.Flags().Changed(name) {
			return badInput("nacsim ap: --%s is for --load", name)
		}
	}
	a := &apRun{flags: f, cfg: cfg, stdout: c.OutOrStdout(), stderr: c.ErrOrStderr()}
	return a.run()
}
