package eappeer

import (
	"crypto/tls"
	"time"
)

// A Profile is the habits of a real supplicant.
type Profile struct {
	Name           string
	MinTLS, MaxTLS uint16
	Groups         []tls.CurveID
	FragmentSize   int
	Lengths        Lengths
	BadServer      BadServer
	ExpandedNAK    bool
	// Resumes tells that it keeps the TLS session for the next authentication.
	Resumes bool
	// Start, Auth and Held are its periods as a 802.1X supplicant, and MaxStart the number of EAPOL-Start.
	Start, Auth, Held time.Duration
	MaxStart          int
}

// profiles is the table of supplicants.
var profiles = []Profile{}

// ProfileNames are the names of all profiles.
func ProfileNames() []string {
	all := make([]string, len(profiles))
	for i := range profiles {
		all[i] = profiles[i].Name
	}
	return all
}

// ProfileNamed returns a profile by its name.
func ProfileNamed(name string) (Profile, bool) {
	for _, p := range profiles {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}

// fill sets what is not set.
func (p *Profile) fill(c *Config) {
	setDefault(&c.MinTLS, p.MinTLS)
	setDefault(&c.MaxTLS, p.MaxTLS)
	setDefault(&c.FragmentSize, p.FragmentSize)
	setDefault(&c.Lengths, p.Lengths)
	setDefault(&c.BadServer, p.BadServer)
	c.ExpandedNAK = c.ExpandedNAK || p.ExpandedNAK
	if c.Groups == nil {
		c.Groups = p.Groups
	}
}
