package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"nacsim/fakeap/config"
)

// apInit is the file of nacsim ap --init.
//
//go:embed apinit/ap.yaml
var apInit []byte

// initAP writes a file to begin with. It overwrites nothing.
func initAP(name string, stdout io.Writer) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return badInput("nacsim ap: --init %s: cannot be written: %v", name, reason(err))
	}
	if _, err := f.Write(apInit); err != nil {
		return badInput("nacsim ap: --init %s: cannot be written: %v", name, reason(err))
	}
	if err := f.Close(); err != nil {
		return badInput("nacsim ap: --init %s: cannot be written: %v", name, reason(err))
	}
	fmt.Fprintf(stdout, "%s is a file to begin with: change it, then run\n\n  nacsim ap --config %s --once\n", name, name)
	return nil
}

// configuration reads the file, with the flags that replace parts of it, or makes one of the flags alone.
func (f *apFlags) configuration() (*config.Config, error) {
	if f.config == "" {
		return f.alone()
	}
	for _, flag := range []struct{ name, value string }{
		{"kind", f.kind}, {"ssid", f.ssid}, {"nas-name", f.nasName}, {"nas-address", f.nasAddress}, {"method", f.method}, {"identity", f.identity},
		{"anonymous", f.anonymous}, {"user", f.user}, {"password", f.password}, {"certificate", f.certificate}, {"key", f.key}, {"ca", f.ca},
		{"server-name", f.serverName}, {"tls", f.tls}, {"profile", f.profile}, {"name", f.name}, {"mac", f.mac}, {"expect", f.expect}, {"expect-vlan", f.expectVLAN},
	} {
		if flag.value != "" {
			return nil, badInput("nacsim ap: --%s describes a device without a file; with --config, say it in the file", flag.name)
		}
	}
	cfg, err := config.Load(f.config)
	var mistakes config.Errors
	switch {
	case errors.As(err, &mistakes):
		return nil, &exitError{ExitBadInput, err}
	case errors.Is(err, fs.ErrNotExist):
		return nil, badInput("nacsim ap: there is no file %s; --init %s writes one to begin with", f.config, f.config)
	case err != nil:
		return nil, badInput("nacsim ap: %s cannot be read: %v", f.config, reason(err))
	}
	return cfg, f.override(cfg)
}

// override lets flags replace the server of a file.
func (f *apFlags) override(cfg *config.Config) error {
	if f.server != "" {
		a, err := config.ParseAddress(f.server, 1812)
		if err != nil {
			return badInput(`nacsim ap: --server %q: want an IP address, with or without a port, such as "10.0.0.1"`, f.server)
		}
		cfg.RADIUS.Auth, cfg.RADIUS.Acct = a, netip.AddrPortFrom(a.Addr(), a.Port()+1)
	}
	if f.acct == "none" {
		cfg.RADIUS.Acct = netip.AddrPort{}
	} else if f.acct != "" {
		a, err := config.ParseAddress(f.acct, 1813)
		if err != nil {
			return badInput(`nacsim ap: --acct %q: want none or an IP address, with or without a port, such as "10.0.0.1"`, f.acct)
		}
		cfg.RADIUS.Acct = a
	}
	if f.secret != "" {
		cfg.RADIUS.Secret = []byte(f.secret)
	}
	for i := range cfg.NAS {
		cfg.NAS[i].Settings().RADIUS = cfg.RADIUS
		if f.das >= 0 {
			cfg.NAS[i].Settings().DAS.Disabled = i > 0
			cfg.NAS[i].Listen = netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(f.das))
		}
	}
	return nil
}

// alone makes a configuration of the flags: it is written as a file and read as one, so that a flag means what the
// key means.
func (f *apFlags) alone() (*config.Config, error) {
	switch {
	case f.server == "":
		return nil, badInput("nacsim ap: name the RADIUS server with --server ADDRESS, or a file with --config FILE")
	case f.secret == "":
		return nil, badInput("nacsim ap: the shared secret is missing: --secret SECRET")
	case f.count < 0:
		return nil, badInput("nacsim ap: --count %d: want a number from 1 on", f.count)
	case f.das > 65535:
		return nil, badInput("nacsim ap: --das %d: want a UDP port", f.das)
	}
	method, protocol := f.method, ""
	if p, ok := strings.CutPrefix(f.method, "mab-"); ok {
		method, protocol = "mab", p
	}
	var b yamlText
	b.begin("server", "")
	b.text("auth", f.server).text("acct", f.acct).text("secret", f.secret)
	b.begin("nas", "")
	b.text("kind", f.kind).text("ssid", f.ssid).text("name", f.nasName).text("address", f.nasAddress)
	if f.das >= 0 {
		b.line("das: {port: " + strconv.Itoa(f.das) + "}")
	}
	if protocol != "" {
		b.line("mab: {mode: " + mabMode(f.kind) + ", wait: 2s, protocol: " + strconv.Quote(protocol) + "}")
	}
	b.line("quiet: 60s") // so that the mapping is never empty
	b.begin("supplicants", "- ")
	b.line("count: " + strconv.Itoa(f.devices()))
	b.text("name", f.nameOfDevices()).text("mac", f.mac).text("method", method).text("identity", f.identity).text("anonymous", f.anonymous)
	b.text("user", f.user).text("password", f.password).text("certificate", f.certificate).text("key", f.key).text("ca", f.ca)
	b.text("server_name", f.serverName).text("profile", f.profile)
	if f.tls != "" {
		b.line("tls: {min: " + strconv.Quote(f.tls) + ", max: " + strconv.Quote(f.tls) + "}")
	}
	if f.fragment != 0 {
		b.line("fragment: " + strconv.Itoa(f.fragment))
	}
	var expect []string
	if f.expect != "" {
		expect = append(expect, "result: "+strconv.Quote(f.expect))
	}
	if f.expectVLAN != "" {
		expect = append(expect, "vlan: "+strconv.Quote(f.expectVLAN))
	}
	if expect != nil {
		b.line("expect: {" + strings.Join(expect, ", ") + "}")
	}
	cfg, err := config.Read("flags", []byte(b.String()))
	var mistakes config.Errors
	if errors.As(err, &mistakes) {
		return nil, badInput("nacsim ap: %s", aboutFlag(mistakes[0].Message))
	}
	return cfg, err
}

// flagNames are the flags that are called otherwise than the keys of a file.
var flagNames = map[string]string{
	"auth": "server", "address": "nas-address", "server_name": "server-name", "min": "tls", "result": "expect", "vlan": "expect-vlan",
}

// aboutFlag makes a mistake in the value of a key one in that of the flag.
func aboutFlag(message string) string {
	key, rest, found := strings.Cut(message, " is ")
	if !found || strings.Contains(key, " ") {
		return message
	}
	if name, other := flagNames[key]; other {
		key = name
	}
	return "--" + key + " is " + rest
}

func mabMode(kind string) string {
	if kind == config.Switch {
		return "fallback"
	}
	return "only"
}

// devices is how many there are: --count means something else with --load.
func (f *apFlags) devices() int {
	if f.load {
		return max(f.clients, 1)
	}
	return max(f.count, 1)
}

func (f *apFlags) nameOfDevices() string {
	if f.name == "" && f.devices() > 1 {
		return "device-{n}"
	}
	return f.name
}

// yamlText is a file that is being written.
type yamlText struct {
	strings.Builder
	indent string
}

// begin writes a key whose mapping follows; mark is what its first line begins with.
func (b *yamlText) begin(key, mark string) {
	b.WriteString(key + ":\n")
	b.indent = "  " + mark
}

func (b *yamlText) line(s string) {
	b.WriteString(b.indent + s + "\n")
	b.indent = strings.ReplaceAll(b.indent, "-", " ")
}

// text writes a text that is not empty.
func (b *yamlText) text(key, value string) *yamlText {
	if value != "" {
		b.line(key + ": " + strconv.Quote(value))
	}
	return b
}
