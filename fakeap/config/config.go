package config

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"nacsim/fakeap"
	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/internal/yamltable"
)

// A Config is what a file says.
type Config struct {
	RADIUS      fakeap.RADIUSConfig
	NAS         []NAS
	Supplicants []Supplicant
}

// A NAS is an access point or a switch.
type NAS struct {
	// Kind is AccessPoint or Switch; the configuration of that kind is set.
	Kind   string
	AP     fakeap.APConfig
	Switch fakeap.SwitchConfig
	// Listen is where dynamic authorization is taken, at an address of this computer; an unspecified address means
	// all of them.
	Listen netip.AddrPort
}

// Settings are those of either kind.
func (n *NAS) Settings() *fakeap.Settings {
	if n.Kind == Switch {
		return &n.Switch.Settings
	}
	return &n.AP.Settings
}

// A Supplicant is a device that connects.
type Supplicant struct {
	Name string
	MAC  ether.Addr
	// NAS is the index of its access point or switch, and Port its port on a switch.
	NAS, Port int
	// Method is its name, as in the file.
	Method string
	// EAP is how it authenticates; nil means by its MAC address.
	EAP *eappeer.Config
	// Expect is what must come of it.
	Expect Expect
}

// Expect is what must come of a supplicant; empty fields are not looked at.
type Expect struct {
	Result         fakeap.Result
	VLAN, FilterID string
}

// Errors are the mistakes found in a file.
type Errors = yamltable.Errors

// Schema returns the JSON Schema (draft 2020-12) of a file.
func Schema() []byte {
	return yamltable.Document("nacsim ap configuration",
		"Access points, switches and supplicants that run alone, nacsim ap --config FILE.", yamltable.ObjectSchema(fileProperties))
}

// Load reads the file with the given name and the files that it names. The error is an Errors with the mistakes that
// were found in them, or that of the operating system for the file itself.
func Load(name string) (*Config, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Read(name, data)
}

// Read is Load of a file with the given content.
func Read(name string, data []byte) (*Config, error) {
	r := &reader{
		Reader: yamltable.Reader{File: name, What: "configuration", Keys: "server and supplicants", Limit: maxFile, Secrets: []string{"secret", "password"}},
		dir:    filepath.Dir(name), pools: map[string]*x509.CertPool{}, pairs: map[[2]string]tls.Certificate{},
	}
	var f fileNode
	if root := r.Parse(data); root == nil || !yamltable.Object(&r.Reader, root, "the configuration", fileProperties, &f) || len(r.Errs) > 0 {
		return nil, r.Errs
	}
	c := r.resolve(&f)
	if len(r.Errs) > 0 {
		return nil, r.Errs
	}
	return c, nil
}

type reader struct {
	yamltable.Reader
	dir   string
	pools map[string]*x509.CertPool
	pairs map[[2]string]tls.Certificate
}

// resolve reads what the file names and puts the configuration together.
func (r *reader) resolve(f *fileNode) *Config {
	c := &Config{RADIUS: f.server.radius()}
	r.server(c, &f.server)
	if len(f.nas) == 0 {
		f.nas = []nasNode{{node: f.server.node, kind: AccessPoint}}
	}
	index := map[string]int{}
	for i := range f.nas {
		n := &f.nas[i]
		n.complete(i)
		if _, taken := index[n.name]; taken {
			r.Errorf(n.node, "there are two called %s; give each a name of its own", n.name)
		}
		index[n.name] = i
		c.NAS = append(c.NAS, NAS{Kind: n.kind})
	}
	for i := range f.supplicants {
		r.supplicants(c, f, index, &f.supplicants[i])
	}
	if len(c.Supplicants) > maxSupplicants {
		r.Errorf(f.supplicants[0].node, "there are %d supplicants in all; at most %d are possible", len(c.Supplicants), maxSupplicants)
		return c
	}
	if len(r.Errs) > 0 {
		return c
	}
	r.distinct(c, f)
	for i := range f.nas {
		r.finish(c, i, &f.nas[i])
	}
	return c
}

// distinct refuses MAC addresses and names that two supplicants have.
func (r *reader) distinct(c *Config, f *fileNode) {
	macs, names := map[ether.Addr]string{}, map[string]bool{}
	for i := range c.Supplicants {
		s := &c.Supplicants[i]
		if slices.ContainsFunc(f.nas, func(n nasNode) bool { return n.name == s.Name }) {
			r.Errorf(f.supplicants[0].node, "%s is both a supplicant and a nas; give each a name of its own", s.Name)
			return
		}
		if other, taken := macs[s.MAC]; taken {
			r.Errorf(f.supplicants[0].node, "%s and %s both have the MAC address %s", other, s.Name, s.MAC)
			return
		}
		if names[s.Name] {
			r.Errorf(f.supplicants[0].node, "there are two supplicants called %s; with count, write {n} for the number", s.Name)
			return
		}
		macs[s.MAC], names[s.Name] = s.Name, true
	}
}

func (s *serverNode) radius() fakeap.RADIUSConfig {
	c := fakeap.RADIUSConfig{
		Auth: s.auth, Acct: s.acct, Secret: []byte(s.secret), Timeout: s.timeout, Retries: s.retries,
		RequireMessageAuthenticator: s.requireMessageAuthenticator,
	}
	switch {
	case s.noRetries:
		c.Retries = -1
	case c.Retries == 0:
		c.Retries = 2
	}
	if !s.acct.IsValid() && !s.noAcct && s.auth.IsValid() {
		c.Acct = netip.AddrPortFrom(s.auth.Addr(), s.auth.Port()+1)
	}
	return c
}

// server checks that the server can be reached in one way.
func (r *reader) server(c *Config, s *serverNode) {
	switch {
	case s.radsec == nil && !s.auth.IsValid():
		r.Errorf(s.node, "server has neither auth, the address of a RADIUS server, nor radsec")
	case s.radsec == nil && s.secret == "":
		r.Errorf(s.node, "server has no secret")
	case s.radsec != nil && (s.auth.IsValid() || s.acct.IsValid() || s.secret != ""):
		r.Errorf(s.radsec.node, "radsec is in place of auth, acct and secret; leave one or the other out")
	case s.radsec != nil:
		c.RADIUS.RadSec = r.radsec(s)
	}
}

// complete fills in names and kinds.
func (n *nasNode) complete(i int) {
	if n.kind == "" {
		n.kind = AccessPoint
	}
	if n.name == "" {
		prefix := "ap-"
		if n.kind == Switch {
			prefix = "sw-"
		}
		n.name = prefix + strconv.Itoa(i+1)
	}
	if n.ssid == "" {
		n.ssid = "corp"
	}
}

// finish makes the configuration of a NAS, now that its clients are known.
func (r *reader) finish(c *Config, i int, n *nasNode) {
	byMAC, withEAP, highest := 0, 0, 0
	for _, s := range c.Supplicants {
		if s.NAS != i {
			continue
		}
		highest = max(highest, s.Port)
		if s.EAP == nil {
			byMAC++
		} else {
			withEAP++
		}
	}
	s := fakeap.Settings{
		Name: n.name, Address: n.address, RADIUS: c.RADIUS, DefaultVLAN: n.vlan, GuestVLAN: n.guest, RejectVLAN: n.reject, ServerFailVLAN: n.serverFail,
		Reauth: n.reauth, Interim: n.interim, Quiet: n.quiet, FramedMTU: n.mtu, DAS: fakeap.DASConfig{Disabled: true},
	}
	out := &c.NAS[i]
	if d := n.das; d != nil {
		s.DAS = fakeap.DASConfig{Secret: []byte(d.secret), Clients: d.clients, RequireEventTimestamp: d.requireEventTimestamp, RequireMessageAuthenticator: d.requireMessageAuthenticator}
		out.Listen = netip.AddrPortFrom(d.address, uint16(d.port))
		if !d.address.IsValid() {
			out.Listen = netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(d.port))
		}
	}
	if n.mab != nil {
		s.MAB = *n.mab
	}
	mac := r.mac(n.node, n.mac, ether.Addr{0x5c, 0x5b, 0x35, byte(i + 1), 0, 0})
	if n.kind == Switch {
		if byMAC > 0 && s.MAB.Mode == fakeap.MABOff {
			s.MAB.Mode, s.MAB.Wait = fakeap.MABFallback, 2*time.Second
		}
		out.Switch = fakeap.SwitchConfig{Settings: s, MAC: mac, Ports: max(n.ports, highest, 1)}
		if n.ports > 0 && highest > n.ports {
			r.Errorf(n.node, "%s has %d ports, but its clients need %d", n.name, n.ports, highest)
		}
		return
	}
	open := byMAC > 0 || s.MAB.Mode != fakeap.MABOff
	if open && withEAP > 0 {
		r.Errorf(n.node, "%s has clients with EAP and clients without (mab), or mab settings; a wireless network is for one or the other: make a second nas", n.name)
	}
	if open {
		s.MAB.Mode = fakeap.MABOnly
	}
	s.MaxClients = min(max(byMAC+withEAP, 1), 2007)
	if byMAC+withEAP > 2007 {
		r.Errorf(n.node, "%s has %d clients; an access point can have 2007: make a second nas", n.name, byMAC+withEAP)
	}
	out.AP = fakeap.APConfig{Settings: s, BSSID: mac, SSID: n.ssid, Firmware: n.firmware, Open: open}
}

// maxRead bounds the files that are named.
const maxRead = 4 << 20
