package interop

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
)

var media = []struct {
	kind host.MediumKind
	name string
	// what the NAS says of the client in every request, in FreeRADIUS's words
	attributes []string
}{
	{host.Radio, "access point", []string{
		`NAS-Identifier = "ap-1"`, `NAS-Port-Type = Wireless-802.11`, `Called-Station-Id = "02-00-0A-01-00-00:corp"`, `NAS-Port-Id = "ap-1/corp"`,
	}},
	{host.Cable, "switch", []string{
		`NAS-Identifier = "sw-1"`, `NAS-Port-Type = Ethernet`, `Called-Station-Id = "02-00-0A-01-00-03"`, `NAS-Port-Id = "sw-1/3"`,
	}},
}

var stationAttributes = []string{
	`User-Name = "host/LAPTOP-1"`, `Calling-Station-Id = "00-1C-B3-09-85-15"`, `NAS-IP-Address = 10.0.1.1`,
}

// TestInteropFreeRADIUSAuthenticates plays RFC 5216 and RFC 9190 between the supplicant and FreeRADIUS with OpenSSL,
// with fragments both ways. On wireless the 4-way handshake succeeds only if FreeRADIUS's MPPE keys and the
// supplicant's are the same.
func TestInteropFreeRADIUSAuthenticates(t *testing.T) {
	from, to := valid()
	root := newAuthority(t, "Contoso Root CA")
	corp := issuing(t, root)
	old := newRSACredentials()
	if old.err != nil {
		t.Fatal(old.err)
	}
	type pair struct {
		name           string
		server, client tls.Certificate
		root           *x509.Certificate
	}
	ecdsa := pair{"ECDSA", serverCertificate(t, corp, from, to), clientCertificate(t, corp, "LAPTOP-1", from, to), root.Certificate()}
	rsa := pair{"RSA", old.server, old.client, old.root}
	for _, tt := range []struct {
		pair
		theirs, ours  int
		includeLength bool
	}{
		{ecdsa, 1024, 1398, true}, {ecdsa, 1024, 64, false}, {ecdsa, 200, 200, true}, {rsa, 200, 1398, false}, {rsa, 1024, 500, true},
	} {
		for _, version := range tlsVersions {
			name := fmt.Sprintf("%s, TLS %s, fragments of %d and %d", tt.name, version, tt.theirs, tt.ours)
			t.Run(name, func(t *testing.T) {
				f := &freeRADIUS{Version: version, Fragment: tt.theirs, IncludeLength: tt.includeLength, server: tt.server, root: tt.root}
				f.start(t)
				for i, m := range media {
					t.Run(m.name, func(t *testing.T) {
						e := startEdge(t, m.kind, f, stationConfig(version, tt.client, tt.root, tt.ours))
						e.connect(t)
						f.await("Sent Access-Accept", 1+i) // its log comes through a pipe, later than its replies
						checkRequests(t, f, append(m.attributes, stationAttributes...))
					})
				}
			})
		}
	}
}

// checkRequests checks what FreeRADIUS understood of the last Access-Request.
func checkRequests(t *testing.T, f *freeRADIUS, want []string) {
	t.Helper()
	requests := f.attributes("Access-Request")
	if len(requests) == 0 {
		t.Fatal("FreeRADIUS has received no Access-Request")
	}
	last := requests[len(requests)-1]
	for _, attribute := range append(want, `Service-Type = Framed-User`, `Framed-MTU = 1400`) {
		if !slices.Contains(last, attribute) {
			t.Errorf("FreeRADIUS has not received %s in\n%s", attribute, strings.Join(last, "\n"))
		}
	}
}

// TestInteropFreeRADIUSAccounts plays RFC 2866: a session from its start to its end by the user.
func TestInteropFreeRADIUSAccounts(t *testing.T) {
	for _, m := range media {
		t.Run(m.name, func(t *testing.T) {
			f, config := corporate(t, "1.3")
			e := startEdge(t, m.kind, f, config)
			e.connect(t)
			if !f.await("Acct-Status-Type = Start", 1) {
				t.Fatal("FreeRADIUS gets no accounting start")
			}
			e.supplicant.Disconnect()
			if !f.await("Acct-Status-Type = Stop", 1) || !f.await("Sent Accounting-Response", 3) {
				t.Fatal("FreeRADIUS gets no accounting stop")
			}
			checkRecords(t, f.attributes("Accounting-Request"), append(m.attributes, stationAttributes...))
			if drops := e.find("drop"); len(drops) > 0 {
				t.Errorf("the NAS has dropped %d replies", len(drops))
			}
		})
	}
}

// checkRecords checks Accounting-On, Start and Stop.
func checkRecords(t *testing.T, records [][]string, of []string) {
	t.Helper()
	var started, stopped, on []string
	for _, r := range records {
		switch {
		case slices.Contains(r, "Acct-Status-Type = Accounting-On"):
			on = r
		case slices.Contains(r, "Acct-Status-Type = Start"):
			started = r
		case slices.Contains(r, "Acct-Status-Type = Stop"):
			stopped = r
		}
	}
	if len(records) != 3 || on == nil || started == nil || stopped == nil {
		t.Fatalf("%d accounting records, want On, Start and Stop", len(records))
	}
	session := func(r []string) string {
		i := slices.IndexFunc(r, func(a string) bool { return strings.HasPrefix(a, "Acct-Session-Id = ") })
		if i < 0 {
			return ""
		}
		return r[i]
	}
	if id := session(started); id == "" || id != session(stopped) {
		t.Errorf("the session is %q at its start and %q at its end", id, session(stopped))
	}
	of = append(of, "Class = 0x0102030405")
	for _, attribute := range of {
		if !slices.Contains(started, attribute) || !slices.Contains(stopped, attribute) {
			t.Errorf("a record is without %s:\n%s\n\n%s", attribute, strings.Join(started, "\n"), strings.Join(stopped, "\n"))
		}
	}
}

// corporate is a FreeRADIUS of the usual kind, and the supplicant it accepts.
func corporate(t *testing.T, version string, change ...func(*freeRADIUS)) (*freeRADIUS, supplicant.Config) {
	t.Helper()
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	f := &freeRADIUS{
		Version: version, Fragment: 1024, IncludeLength: true, User: user, Password: password,
		server: serverCertificate(t, corp, from, to), root: corp.Certificate(),
	}
	for _, c := range change {
		c(f)
	}
	f.start(t)
	return f, stationConfig(version, clientCertificate(t, corp, "LAPTOP-1", from, to), corp.Certificate(), 0)
}

// TestInteropFreeRADIUSRefuses checks both directions of refusal for what the station's user is told and what
// FreeRADIUS understands. FreeRADIUS 3.2.1 ends its refusals at once, without the alert that RFC 5216 section 2.1.3
// wants to be sent before.
func TestInteropFreeRADIUSRefuses(t *testing.T) {
	corp, foreign := newAuthority(t, "Contoso Root CA"), newAuthority(t, "Foreign Root CA")
	from, to := valid()
	now := time.Now()
	for _, version := range tlsVersions {
		f := &freeRADIUS{Version: version, Fragment: 1024, server: serverCertificate(t, corp, from, to), root: corp.Certificate()}
		f.start(t)
		for _, tt := range []struct {
			name        string
			certificate tls.Certificate
			trust       *x509.Certificate
			reason      string // as the supplicant says it
			log         string // as FreeRADIUS says it
		}{
			{"expired", clientCertificate(t, corp, "LAPTOP-1", from, now.Add(-time.Minute)), corp.Certificate(),
				"EAP-Failure", "certificate has expired"},
			{"foreign CA", clientCertificate(t, foreign, "LAPTOP-1", from, to), corp.Certificate(),
				"EAP-Failure", "unable to get local issuer certificate"},
			{"no certificate", tls.Certificate{}, corp.Certificate(),
				"EAP-Failure", "peer did not return a certificate"},
			{"server not trusted", clientCertificate(t, corp, "LAPTOP-1", from, to), foreign.Certificate(),
				"server certificate refused: x509: certificate signed by unknown authority", "Alert read:fatal:unknown CA"},
		} {
			t.Run("TLS "+version+"/"+tt.name, func(t *testing.T) {
				config := stationConfig(version, tt.certificate, tt.trust, 0)
				config.NoRetry = true
				seen := f.count(tt.log)
				e := startEdge(t, host.Radio, f, config)
				if err := e.supplicant.Connect(e.link); err != nil {
					t.Fatal(err)
				}
				r := e.await(t, 1, "supplicant", "state=failed")
				if reason := r.Field("reason"); !strings.HasPrefix(reason, tt.reason) {
					t.Errorf("the supplicant says %q, want %q", reason, tt.reason)
				}
				if !f.await(tt.log, seen+1) {
					t.Errorf("FreeRADIUS does not say %q", tt.log)
				}
			})
		}
	}
}
