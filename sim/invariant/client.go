package invariant

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"nacsim/sim/pki"
	"nacsim/sim/scenario"
)

// A client is a device of the scenario at the NAC's end.
type client struct {
	device *scenario.Device
	mac    string
	name   string // in Intune, and in the certificates to come
	// names and ids are those in its certificates, of all that it has had: in lower case.
	names, ids []string
	asked      moment // when the NAC last got an answer about it
	accepted   []accept
}

// An accept is a decision that let the client in.
type accept struct {
	at        time.Duration
	nas, vlan string
}

func newClient(d *scenario.Device, seed uint64) *client {
	k := &client{device: d, mac: d.Address(seed).String(), name: d.DeviceName}
	if d.Certificate != nil {
		k.issue(d.Certificate)
	}
	return k
}

var (
	commonName = regexp.MustCompile(`(?i)(?:^|,)\s*CN=([^,]*)`)
	anyGUID    = regexp.MustCompile(`(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// issue gives the client a certificate with the names in it.
func (k *client) issue(c *scenario.Certificate) {
	v := k.device.Variables()
	v.DeviceName = k.name
	subject, _ := pki.Expand(c.Subject, v) // the scenario would not have been played
	ids := []string{subject}
	if m := commonName.FindStringSubmatch(subject); m != nil {
		name := strings.ToLower(m[1])
		short, _, _ := strings.Cut(name, ".")
		k.names = append(k.names, name, short)
	}
	for _, template := range slices.Concat(c.SANDNS, c.SANURI) {
		text, _ := pki.Expand(template, v)
		ids = append(ids, text)
	}
	for _, text := range ids {
		k.ids = append(k.ids, anyGUID.FindAllString(strings.ToLower(text), -1)...)
	}
}

// is reports whether a device in Intune is the client's: the client's address, or a name in one of its certificates, leads there.
func (k *client) is(s *state) bool {
	if mac := bare(k.mac); !k.device.RandomizeMAC && (s.wifi == mac || s.ethernet == mac) {
		return true
	}
	return slices.Contains(k.names, strings.ToLower(s.name)) || slices.Contains(k.ids, s.id) || slices.Contains(k.ids, s.entra)
}
