package interop

import (
	"bytes"
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"
	"text/template"

	"nacsim/fakeap"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
	"nacsim/internal/radsec"
	"nacsim/nac"
	"nacsim/nac/radiusd"
	"nacsim/sim/live"
	"nacsim/sim/pki"
	"nacsim/sim/play"
)

// radsecproxy is one that takes both transports and passes everything on to one server.
type radsecproxy struct {
	To, ToAcct netip.AddrPort
	ToTLS      bool

	Dir, Secret string
	UDP, TLS    netip.AddrPort
	*server
}

func (p *radsecproxy) start(t *testing.T, corp *pki.Authority) {
	t.Helper()
	path := program(t, "radsecproxy")
	from, to := valid()
	for range 5 {
		p.Dir, p.Secret = t.TempDir(), secret
		writeCertificate(t, p.Dir, "server", serverCertificate(t, corp, from, to))
		writeCertificate(t, p.Dir, "client", clientCertificate(t, corp, "radsecproxy", from, to))
		writeRoot(t, p.Dir, "ca", corp.Certificate())
		ports := freePorts(t, 2)
		p.UDP, p.TLS = ports[0], ports[1]
		var configuration bytes.Buffer
		if err := template.Must(template.ParseFiles("testdata/radsecproxy.conf")).Execute(&configuration, p); err != nil {
			t.Fatal(err)
		}
		p.server = start(t, path, "-f", "-d", "2", "-c", writeFile(t, p.Dir, "radsecproxy.conf", configuration.Bytes()))
		if p.await("listening for tls", 1) && p.await("listening for udp", 1) {
			return
		}
	}
	t.Fatal("radsecproxy does not start")
}

// radSecOf is the NAC's configuration for clients of a CA.
func radSecOf(t *testing.T, corp *pki.Authority) radiusd.RadSecConfig {
	from, to := valid()
	config := &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()}
	return radiusd.RadSecConfig{Addr: nacRadSec, TLS: func() *tls.Config { return config }}
}

var nacRadSec = netip.AddrPortFrom(nacAddr, radsec.Port)

// TestInteropRadSecNAC has the NAC's clients come through proxies that speak TLS.
func TestInteropRadSecNAC(t *testing.T) {
	program(t, "eapol_test")
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	eap := &tls.Config{Certificates: []tls.Certificate{serverCertificate(t, corp, from, to)}, ClientCAs: corp.Pool()}
	n := startNACWith(t, nac.Config{TLS: eap, RADIUS: radiusd.Config{Clients: []radiusd.Client{peer}, RadSec: radSecOf(t, corp)}})
	certificate := clientCertificate(t, corp, "LAPTOP-1", from, to)

	proxy := &radsecproxy{To: n.radsec, ToTLS: true}
	proxy.start(t, corp)
	for _, version := range tlsVersions {
		r := eapolTest{server: proxy.UDP, version: version, certificate: certificate, root: corp.Certificate()}.run(t)
		r.accepted(t, version, 1)
		r = eapolTest{server: proxy.UDP, version: version, certificate: clientCertificate(t, corp, "LAPTOP-STOLEN", from, to), root: corp.Certificate()}.run(t)
		r.refused(t)
	}
	n.await(t, 1, "radsec", "state=open", "radius=1.0")
	if closed := n.find("radsec", "state=closed"); len(closed) > 0 {
		t.Errorf("connections ended: %v", closed)
	}
}

// radSecEdge is an access point that reaches its server by RadSec, and a supplicant.
func radSecEdge(t *testing.T, server netip.AddrPort, corp *pki.Authority, station supplicant.Config) *liveEdge {
	t.Helper()
	from, to := valid()
	e := &liveEdge{journal: newJournal()}
	e.world = live.New(live.Config{Recorder: e.recorder, Dir: t.TempDir(), AllowExternal: true})
	t.Cleanup(func() {
		if err := e.world.Close(); err != nil {
			t.Errorf("the live world: %v", err)
		}
		if t.Failed() {
			t.Logf("the trace:\n%s", e)
		}
	})
	e.link = supplicant.Link{Medium: host.Medium{Kind: host.Radio, Name: "corp"}, SSID: "corp"}
	err := e.world.AddHost("ap-1", edgeAddr, func(h host.Host) error {
		_, err := fakeap.StartAP(h, fakeap.APConfig{BSSID: bssid, SSID: "corp", Settings: fakeap.Settings{
			RADIUS: fakeap.RADIUSConfig{RadSec: &fakeap.RadSecConfig{Server: server.String(), TLS: &tls.Config{
				Certificates: []tls.Certificate{clientCertificate(t, corp, "ap-1", from, to)}, RootCAs: corp.Pool(), ServerName: serverName,
			}}},
		}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = e.world.AddHost("laptop-1", netip.Addr{}, func(h host.Host) (err error) {
		e.supplicant, err = supplicant.Start(h, station)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestInteropRadSecEdge has the access point speak TLS with radsecproxy before FreeRADIUS, and with FreeRADIUS.
func TestInteropRadSecEdge(t *testing.T) {
	corp := newAuthority(t, "Contoso Root CA")
	from, to := valid()
	for _, version := range tlsVersions {
		f := &freeRADIUS{Version: version, Fragment: 1024, IncludeLength: true, RadSecToo: true, server: serverCertificate(t, corp, from, to), root: corp.Certificate()}
		certificate := clientCertificate(t, corp, "LAPTOP-1", from, to)
		t.Run("radsecproxy, TLS "+version, func(t *testing.T) {
			f.start(t)
			proxy := &radsecproxy{To: f.Auth, ToAcct: f.Acct}
			proxy.start(t, corp)
			radSecSession(t, f, proxy.TLS, corp, stationConfig(version, certificate, corp.Certificate(), 1398))
		})
		t.Run("FreeRADIUS, TLS "+version, func(t *testing.T) {
			f.start(t)
			radSecSession(t, f, f.RadSec, corp, stationConfig(version, certificate, corp.Certificate(), 1398))
		})
	}
}

// radSecSession connects a supplicant and waits for the accounting.
func radSecSession(t *testing.T, f *freeRADIUS, server netip.AddrPort, corp *pki.Authority, station supplicant.Config) {
	t.Helper()
	e := radSecEdge(t, server, corp, station)
	e.connect(t)
	e.await(t, 1, "radsec", "state=open", "radius=1.0")
	if !f.await("Acct-Status-Type = Start", 1) {
		t.Error("FreeRADIUS has no Accounting-Request Start")
	}
	if closed := e.find("radsec", "state=closed"); len(closed) > 0 {
		t.Errorf("connections ended: %v", closed)
	}
}

// TestInteropTsharkReadsRadSec has tshark read a capture of RADIUS inside of TLS, with the EAP-TLS in it.
func TestInteropTsharkReadsRadSec(t *testing.T) {
	program(t, "tshark")
	d := dissect(t, capture(t, parse(t, "../../scenarios/radsec.yaml"), play.Options{}), radsec.Secret)
	codes := map[string]int{}
	for _, p := range d {
		if strings.Contains(p[fieldProtocols], "malformed") {
			t.Errorf("packet %s is malformed (%s)", p[fieldNumber], p[fieldProtocols])
		}
		if p[fieldCode] != "" && !strings.HasPrefix(p[fieldProtocols], "exported_pdu:radius") {
			t.Errorf("packet %s is RADIUS that was not inside of TLS (%s)", p[fieldNumber], p[fieldProtocols])
		}
		codes[p[fieldCode]]++
	}
	for _, code := range []string{"1", "2", "4", "5", "11", "12", "43", "44"} {
		if codes[code] == 0 {
			t.Errorf("tshark finds no RADIUS packet of code %s: %v", code, codes)
		}
	}
	if n := d.handshakes("wire", finished); n < 2 {
		t.Errorf("tshark can read %d Finished inside of the connection", n)
	}
}
