package scenario

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"nacsim/internal/guid"
	"nacsim/nac/policy"
	"nacsim/sim/pki"
)

// This file fills in what the author left out and depends on other parts of the file, and checks what no
// single key can.

// derive returns octets that follow from a device's name and a purpose, so that a device has the same
// identifiers in every run, whatever else the scenario contains.
func derive(purpose, name string) [sha256.Size]byte {
	return sha256.Sum256([]byte("nacsim/" + purpose + "/" + name))
}

// derivedGUID returns a GUID of version 8 (RFC 9562 section 5.8), which stands for "made by the application's own rule".
func derivedGUID(purpose, name string) string {
	h := derive(purpose, name)
	return guid.Format([16]byte(h[:16]), guid.Custom)
}

// newDeviceIntune is the record in Intune of a device about which the file says nothing.
func newDeviceIntune(p *parser, pos Pos, name string) *DeviceIntune {
	on := true
	serial := derive("serial", name)
	patched := p.file.Start.Truncate(24 * time.Hour)
	return &DeviceIntune{
		Pos:      pos,
		Enrolled: true,
		ID:       derivedGUID("intune-device-id", name),
		EntraID:  derivedGUID("entra-device-id", name),
		OS:       "Windows",
		Serial:   base32.StdEncoding.EncodeToString(serial[:5]),
		User:     strings.ToLower(name) + "@corp.example",
		Posture:  Posture{Antivirus: &on, Firewall: &on, Encryption: &on, PatchLevel: &patched},
	}
}

// newCertificate is the certificate of a device about which the file says nothing.
func newCertificate(pos Pos) Certificate {
	return Certificate{
		Pos:     pos,
		Subject: "CN={{DeviceName}}",
		SANDNS:  []string{"{{DeviceId}}"},
		Issuer:  CACorp,
		Key:     "ecdsa-p256",
	}
}

// indexed makes the devices that have been read findable by name.
func indexed(r rule[[]Device]) rule[[]Device] {
	read := r.read
	r.read = func(p *parser, n *node, label string, into *[]Device) {
		read(p, n, label, into)
		p.file.devices = make(map[string]int, len(*into))
		for i := range *into {
			p.file.devices[(*into)[i].Name] = i
		}
	}
	return r
}

// completeDevice derives what the file does not say of a device.
func completeDevice(p *parser, n *node, d *Device) {
	if d.DeviceName == "" {
		d.DeviceName = capitals(d.Name)
	}
	if at := n.entry("mac"); d.MAC != nil {
		if other, taken := p.macs[string(d.MAC)]; taken {
			p.report(at.pos, at.width, "duplicate MAC address %s: it is that of %s", d.MAC, other)
		}
	} else {
		d.MAC = p.freeMAC(d.Name)
	}
	p.macs[string(d.MAC)] = d.Name
	at := n
	if inner := n.entry("supplicant"); inner != nil {
		at = inner
	}
	checkSupplicant(p, at, &d.Supplicant, d)
	if c := d.Certificate; c != nil && !p.broken(n) {
		p.checkIssue(n, "certificate", c, d)
	}
	if identity, err := pki.Expand(d.Supplicant.Identity, d.Variables()); err == nil && len(identity) > 253 {
		p.report(n.pos, n.width, "identity: %d octets with the names of this device; at most 253 are allowed (RFC 2865 section 5.1)", len(identity))
	}
	at = n
	if inner := n.entry("intune"); inner != nil {
		at = inner
	}
	p.claim(at, d.Name, d.Intune)
	p.script.records[d.Name] = *d.Intune
}

// capitals is the name of a device whose file gives it none.
func capitals(name string) string { return strings.ToUpper(name) }

// broken reports whether there is an error about n or what is in it.
func (p *parser) broken(n *node) bool {
	for _, e := range p.errs {
		if e.File == p.name && n.holds(e.Pos) {
			return true
		}
	}
	return false
}

// checkIssue makes sure that a certificate can be issued with the names of the device.
func (p *parser) checkIssue(n *node, label string, c *Certificate, d *Device) {
	profile := pki.Profile{Subject: c.Subject, DNS: c.SANDNS, URI: c.SANURI, Email: c.SANEmail}
	if err := profile.Check(d.Variables()); err != nil {
		at := n
		if inner := n.entry("certificate"); inner != nil {
			at = inner
		}
		p.report(at.pos, at.width, "%s of %s cannot be issued: %v", label, d.Name, err)
	}
}

// freeMAC derives a universally administered MAC address that no device has yet.
func (p *parser) freeMAC(name string) net.HardwareAddr {
	for i := 0; ; i++ {
		h := derive("mac/"+strconv.Itoa(i), name)
		mac := net.HardwareAddr{0x00, 0x1c, 0xb3, h[0], h[1], h[2]}
		if _, taken := p.macs[string(mac)]; !taken {
			return mac
		}
	}
}

var recordMACRule = orNone(rule[recordMAC]{schema: mac.schema, read: func(p *parser, n *node, label string, into *recordMAC) {
	into.written = true
	mac.read(p, n, label, &into.mac)
}}, func(into *recordMAC) { *into = recordMAC{written: true} })

// address returns the address on record: the one written, or the device's own if it is used on such a network.
func (r recordMAC) address(own net.HardwareAddr, used bool) net.HardwareAddr {
	switch {
	case r.written:
		return r.mac
	case used:
		return own
	}
	return nil
}

// ssid accepts the name of a wireless network (IEEE 802.11-2020 section 9.4.2.2: at most 32 octets).
var ssid = func() rule[string] {
	r := line(32)
	read := r.read
	r.read = func(p *parser, n *node, label string, into *string) {
		if read(p, n, label, into); len(*into) > 32 {
			p.report(n.pos, n.width, "%s: longer than 32 octets", label)
		}
	}
	return r
}()

// checkNAS gives a NAS what its kind needs, and refuses what its kind does not have.
func checkNAS(p *parser, n *node, s *NAS) {
	refuse := func(kind string, keys ...string) {
		for _, k := range keys {
			if v := n.entry(k); v != nil {
				p.report(v.pos, v.width, "%s: only %s has that, and %s is of kind %s", k, kind, s.Name, s.Kind)
			}
		}
	}
	switch s.Kind {
	case KindAP:
		refuse("a switch", "ports")
		if v := n.entry("mab"); v != nil && (s.MAB == MABFallback || s.MAB == MABFirst) {
			p.report(v.pos, v.width, "mab: an access point has one kind of network; want off or only, got %s", s.MAB)
		}
		s.Ports = 0
		if s.SSID == "" {
			s.SSID = "corp"
		}
		if s.Firmware == "" {
			s.Firmware = "0.14.29411"
		}
	case KindSwitch:
		refuse("an access point", "ssid", "firmware")
		if s.Ports == 0 {
			s.Ports = 8
		}
	}
}

// checkCompliance fills in what is required, and makes sure that a patch level can be compared.
func checkCompliance(p *parser, n *node, c *Compliance) {
	if n.entry("require") == nil {
		c.Require = []string{PostureAntivirus, PostureFirewall, PostureEncryption}
		if !c.MinimumPatchLevel.IsZero() {
			c.Require = append(c.Require, PosturePatchLevel)
		}
		return
	}
	required := false
	for _, fact := range c.Require {
		required = required || fact == PosturePatchLevel
	}
	minimum := n.entry("minimum_patch_level")
	if require := n.entry("require"); required && minimum == nil {
		p.report(require.pos, require.width, "require: patch_level needs minimum_patch_level: the oldest date that is compliant")
	} else if minimum != nil && !required {
		p.report(minimum.pos, minimum.width, "minimum_patch_level has no effect: patch_level is not in require")
	}
}

func checkCertificate(p *parser, n *node, c *Certificate) {
	if c.NotBefore >= c.NotAfter {
		p.report(n.pos, n.width, "the certificate expires (%s) before it becomes valid (%s)", FormatDuration(c.NotAfter), FormatDuration(c.NotBefore))
	}
}

// pairSchema and readBoth are a list of two hosts.
var pairSchema = schema{Type: "array", Items: &refSchema, MinItems: 2, MaxItems: 2}

func readBoth(p *parser, n *node, into *Link) {
	if n.kind != sequenceNode || len(n.items) != 2 {
		p.wrong(n, "both", "a list of two hosts such as [ap-1, nac]")
		return
	}
	into.Both = true
	hostRef.read(p, n.items[0], "both", &into.From)
	hostRef.read(p, n.items[1], "both", &into.To)
}

// checkLink makes sure that a link has two ends which talk to each other, and says something.
func checkLink(p *parser, n *node, l *Link) {
	both, from, to := n.entry("both"), n.entry("from"), n.entry("to")
	switch {
	case both != nil && (from != nil || to != nil):
		p.report(both.pos, both.width, "both cannot stand beside from and to")
		return
	case both == nil && (from == nil || to == nil):
		p.report(n.pos, n.width, "a link needs its two ends: from and to for one direction, or both: [ap-1, nac]")
		return
	case l.From == "" || l.To == "":
		return
	}
	if !p.adjacent(l.From, l.To) {
		p.report(n.pos, n.width, "%s and %s do not talk to each other; links are between a device and a NAS, a NAS and nac, and nac and graph", l.From, l.To)
	}
	if l.Down == nil && l.Delay == nil && l.Jitter == nil && l.Loss == nil && l.Duplicate == nil && l.Reorder == nil {
		if len(n.entries) <= 2 {
			p.report(n.pos, n.width, "the link says nothing; give one of down, delay, jitter, loss, duplicate, reorder")
		}
	}
}

// policyFile reads the name of a policy file, and the file.
var policyFile = rule[Policy]{schema: line(1024).schema, read: func(p *parser, n *node, label string, into *Policy) {
	line(1024).read(p, n, label, &into.Written)
	if into.Written == "" {
		return
	}
	written, pos := into.Written, n.pos
	path := filepath.FromSlash(written)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(p.name), path)
	}
	loaded, ok := p.policies[path]
	if !ok {
		loaded.Path = path
		loaded.Data, ok = p.loadPolicy(n, label, written, path)
		if !ok {
			p.unsure = true
		}
		p.policies[path] = loaded
	}
	*into = loaded
	into.Written, into.Pos = written, pos
}}

// loadPolicy reads and checks a policy, whose own errors join those of the scenario.
func (p *parser) loadPolicy(n *node, label, written, path string) ([]byte, bool) {
	data, err := p.read(path)
	if err != nil {
		var reason *fs.PathError
		switch {
		case errors.Is(err, fs.ErrNotExist):
			p.report(n.pos, n.width, "%s: there is no file %s (looked for %s; paths are relative to the scenario)", label, written, path)
		case errors.As(err, &reason):
			p.report(n.pos, n.width, "%s: cannot read %s: %v", label, path, reason.Err)
		default:
			p.report(n.pos, n.width, "%s: cannot read %s: %v", label, path, err)
		}
		return nil, false
	}
	loaded, err := policy.Load(path, data)
	if err == nil {
		p.rules = append(p.rules, loaded.Rules()...)
		return data, true
	}
	var list policy.Errors
	if !errors.As(err, &list) {
		p.report(n.pos, n.width, "%s: %v", label, err)
		return nil, false
	}
	for _, e := range list {
		if len(p.errs) < MaxErrors {
			p.errs = append(p.errs, &Error{Pos: Pos{e.File, max(1, e.Line), max(1, e.Column)}, Msg: e.Message, Source: e.Source, Width: e.Width})
		}
	}
	return nil, false
}
