package eappeer

import (
	"crypto/tls"
	"time"

	"nacsim/internal/eap"
)

// A Profile is the habits of a real supplicant. Each is also a setting of [Config], or of the supplicant's, which
// wins.
type Profile struct {
	Name           string
	MinTLS, MaxTLS uint16
	Groups         []tls.CurveID
	FragmentSize   int
	Lengths        Lengths
	BadServer      BadServer
	CryptoBinding  CryptoBinding
	NameAlert      eap.Alert
	ExpandedNAK    bool
	// Resumes tells that it keeps the TLS session for the next authentication.
	Resumes bool
	// Start, Auth and Held are its periods as an 802.1X supplicant, MaxStart the number of EAPOL-Start, and
	// MaxFailures after how many refusals it gives up.
	Start, Auth, Held     time.Duration
	MaxStart, MaxFailures int
}

// profiles is the table of supplicants. What is left out nobody has verified: it is the default of the setting, and a
// choice. No profile goes below TLS 1.2, though some supplicants do.
//
//   - wpa_supplicant, 2.10 with OpenSSL 3.0: periods from eapol_supp_sm.c; fragment_size 1398, L flag on the first of
//     several fragments, TLS 1.3 off unless configured (eap_tls_common.c, wpa_supplicant.conf); expanded NAK (eap.c);
//     internal_error for another name, as eapol_test shows. It resumes by session ID only, which this peer cannot.
//   - windows, 11: periods, three EAPOL-Start and one failure are the defaults of the OneX schema
//     (learn.microsoft.com, onexschema-*-element); TLS 1.3 that of the Eap/AllowTLS1_3 policy; groups those of Schannel;
//     Crypto-Binding as [MS-PEAP] wants it. The L flag, resumption and the question to the user are choices.
//   - apple, macOS and iOS: eap8021x, the published source: Supplicant.c (EAPOL-Start every 5 s, three times, four waits
//     of 5 s for an answer, held 60 s), EAPTLSUtil.c (TLS 1.2 at most, L flag on every first fragment),
//     EAPClientProperties.h (TLSEnableSessionResumption is true); the user is asked about a server that no profile
//     vouches for (Apple Platform Deployment, "Connect Apple devices to 802.1X networks").
//   - android, 14: wpa_supplicant with BoringSSL; TLS 1.3 is a choice.
var profiles = []Profile{
	{
		Name: "wpa_supplicant", MaxTLS: tls.VersionTLS12, Groups: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP521, tls.CurveP384},
		FragmentSize: 1398, Lengths: OnFirstOfSeveral, BadServer: SendAlert, NameAlert: eap.AlertInternalError, ExpandedNAK: true,
		Start: 30 * time.Second, Auth: 30 * time.Second, Held: 60 * time.Second, MaxStart: 3,
	},
	{
		Name: "windows", MaxTLS: tls.VersionTLS13, Groups: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384},
		Lengths: OnFirst, BadServer: StopAnswering, CryptoBinding: AnswerBinding, Resumes: true,
		Start: 5 * time.Second, Auth: 18 * time.Second, Held: time.Second, MaxStart: 3, MaxFailures: 1,
	},
	{
		Name: "apple", MaxTLS: tls.VersionTLS12, Lengths: OnFirst, BadServer: StopAnswering, Resumes: true,
		Start: 5 * time.Second, Auth: 20 * time.Second, Held: 60 * time.Second, MaxStart: 3,
	},
	{
		Name: "android", MaxTLS: tls.VersionTLS13, FragmentSize: 1398, Lengths: OnFirstOfSeveral, BadServer: SendAlert, ExpandedNAK: true,
		Start: 30 * time.Second, Auth: 30 * time.Second, Held: 60 * time.Second, MaxStart: 3,
	},
}

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
	if c.MaxTLS == 0 && p.MaxTLS != 0 {
		c.MaxTLS = max(p.MaxTLS, c.MinTLS)
	}
	setDefault(&c.FragmentSize, p.FragmentSize)
	setDefault(&c.Lengths, p.Lengths)
	setDefault(&c.BadServer, p.BadServer)
	setDefault(&c.NameAlert, p.NameAlert)
	setDefault(&c.CryptoBinding, p.CryptoBinding)
	c.ExpandedNAK = c.ExpandedNAK || p.ExpandedNAK
	if c.Groups == nil {
		c.Groups = p.Groups
	}
}
