package capture_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/internal/eap"
	"nacsim/internal/host"
	"nacsim/sim/capture"
	"nacsim/sim/trace"
)

// keylog passes the key log of crypto/tls to the recorder, as the worlds do.
type keylog struct {
	recorder *trace.Recorder
	now      *time.Time
}

func (k keylog) Write(b []byte) (int, error) {
	k.recorder.Secret(*k.now, string(b))
	return len(b), nil
}

// onboarding plays EAP-TLS between a supplicant on a cable and a server behind RADIUS, and records what an
// observer of both links sees.
type onboarding struct {
	t        *testing.T
	recorder *trace.Recorder
	now      time.Time
	from     netip.AddrPort
	id       byte
}

var (
	supplicantMAC = [6]byte{0x00, 0x1c, 0xb3, 0x09, 0x85, 0x15}
	switchMAC     = [6]byte{0x02, 0x00, 0x0a, 0x00, 0x01, 0x01}
	server        = netip.MustParseAddrPort("10.0.0.1:1812")
)

const fragment = 600

func (o *onboarding) frame(src, dst [6]byte, eapol []byte) {
	o.now = o.now.Add(time.Millisecond)
	b := append(append(append([]byte{}, dst[:]...), src[:]...), 0x88, 0x8e)
	b = append(b, eapol...)
	b = append(b, make([]byte, max(0, 60-len(b)))...) // padding of short Ethernet frames
	o.recorder.Packet(trace.Packet{Time: o.now, Medium: host.Medium{Kind: host.Cable, Name: "sw-1/3"}, Data: b})
}

func eapol(p eap.Packet) []byte {
	b := []byte{2, 0, byte(p.Len() >> 8), byte(p.Len())}
	return p.Append(b)
}

func (o *onboarding) datagram(from, to netip.AddrPort, code byte, p eap.Packet) {
	o.now = o.now.Add(time.Millisecond)
	b := append([]byte{code, o.id, 0, 0}, make([]byte, 16)...)
	if code == 1 {
		b = append(append(b, 31, 19), "00-1C-B3-09-85-15"...)
	}
	for rest := p.Append(nil); len(rest) > 0; {
		n := min(253, len(rest))
		b = append(append(b, 79, byte(n+2)), rest[:n]...)
		rest = rest[n:]
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	o.recorder.Packet(trace.Packet{Time: o.now, Link: "nac–sw-1", From: from, To: to, Data: b})
}

func (o *onboarding) respond(p eap.Packet) {
	o.frame(supplicantMAC, switchMAC, eapol(p))
	o.id++
	o.datagram(o.from, server, 1, p)
}

func (o *onboarding) request(code byte, p eap.Packet) {
	o.datagram(server, o.from, code, p)
	o.frame(switchMAC, supplicantMAC, eapol(p))
}

func (o *onboarding) play(version uint16, clientConfig, serverConfig *tls.Config) {
	log := keylog{o.recorder, &o.now}
	clientConfig, serverConfig = clientConfig.Clone(), serverConfig.Clone()
	clientConfig.KeyLogWriter, serverConfig.KeyLogWriter = log, log
	clientConfig.MinVersion, clientConfig.MaxVersion = version, version
	client, srv := eap.NewTLSClient(clientConfig), eap.NewTLSServer(serverConfig)
	defer client.Close()
	defer srv.Close()
	peer, authenticator := eap.NewFramer(fragment), eap.NewFramer(fragment)

	o.frame(supplicantMAC, [6]byte{0x01, 0x80, 0xc2, 0, 0, 3}, []byte{2, 1, 0, 0})
	o.frame(switchMAC, supplicantMAC, eapol(eap.Packet{Code: eap.Request, ID: 1, Type: eap.TypeIdentity}))
	o.respond(eap.Packet{Code: eap.Response, ID: 1, Type: eap.TypeIdentity, Data: []byte("host/LAPTOP-1")})
	request := eap.Packet{Code: eap.Request, ID: 2, Type: eap.TypeTLS, Data: authenticator.Start()}
	step := func(bridge *eap.TLS, f *eap.Framer, data []byte) []byte {
		message, complete, err := f.Receive(data)
		switch {
		case err != nil:
			o.t.Fatal(err)
		case !complete:
			return f.Ack()
		case !f.Pending():
			out, err := bridge.Step(message)
			if err != nil {
				o.t.Fatal(err)
			}
			if bridge == srv && srv.Done() && len(out) == 0 && version == tls.VersionTLS13 && len(message) > 0 {
				if out, err = srv.WriteApp([]byte{0}); err != nil { // RFC 9190 section 2.5
					o.t.Fatal(err)
				}
			}
			f.Send(out)
		}
		next, _ := f.Next()
		return next
	}
	for range 30 {
		o.request(11, request)
		data := request.Data
		if _, start := eap.IsStart(data); start {
			data = []byte{0}
		}
		answer := eap.Packet{Code: eap.Response, ID: request.ID, Type: eap.TypeTLS, Data: step(client, peer, data)}
		o.respond(answer)
		if srv.Done() && client.SuccessIndicated() && len(answer.Data) == 1 {
			o.request(2, eap.Packet{Code: eap.Success, ID: request.ID})
			return
		}
		request = eap.Packet{Code: eap.Request, ID: request.ID + 1, Type: eap.TypeTLS, Data: step(srv, authenticator, answer.Data)}
	}
	o.t.Fatal("the handshake does not end")
}

// certificates returns the configurations of two ends that trust each other.
func certificates(t *testing.T) (client, server *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "radius.corp.example"}, DNSNames: []string{"radius.corp.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	pair := []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	return &tls.Config{Certificates: pair, RootCAs: pool, ServerName: "radius.corp.example"},
		&tls.Config{Certificates: pair, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
}

// tshark runs tshark over the file and returns the lines of its output.
func tshark(t *testing.T, file string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("tshark", append([]string{"-n", "-r", file}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark %q: %v\n%s", args, err, stderr.String())
	}
	return slices.DeleteFunc(strings.Split(string(out), "\n"), func(s string) bool { return s == "" })
}

// TestInteropWiresharkOpensTheEAPTLSInside is the point of the secrets in the file: with nothing but the file,
// Wireshark shows the handshake messages that are encrypted on the wire, of both versions, on both links.
func TestInteropWiresharkOpensTheEAPTLSInside(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	var out bytes.Buffer
	start := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	w := capture.NewWriter(&out)
	recorder := trace.NewRecorder(start, w)
	clientConfig, serverConfig := certificates(t)
	o := &onboarding{t: t, recorder: recorder, now: start}
	for i, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13, tls.VersionTLS12} {
		o.from = netip.AddrPortFrom(netip.MustParseAddr("10.0.1.1"), 50000+uint16(i))
		o.play(version, clientConfig, serverConfig)
		o.now = o.now.Add(time.Hour)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "capture.pcapng")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}

	if bad := tshark(t, file, "-Y", "_ws.malformed || _ws.expert.severity == error"); len(bad) > 0 {
		t.Errorf("tshark finds malformed packets:\n%s", strings.Join(bad, "\n"))
	}
	if n, all := len(tshark(t, file, "-Y", "radius || eapol")), len(tshark(t, file)); n != all || n == 0 {
		t.Errorf("tshark knows %d of %d packets as RADIUS or EAPOL", n, all)
	}
	for _, link := range []string{"radius", "eapol"} {
		// Handshake type 20 is Finished: encrypted in both versions, one from each side of three handshakes.
		finished := tshark(t, file, "-Y", link+" && tls.handshake.type == 20", "-T", "fields", "-e", "frame.number")
		if len(finished) != 6 {
			t.Errorf("on %s tshark decrypts %d Finished messages, want 6 (frames %v)", link, len(finished), finished)
		}
		// Type 8 is EncryptedExtensions, which only TLS 1.3 has.
		if n := len(tshark(t, file, "-Y", link+" && tls.handshake.type == 8")); n != 1 {
			t.Errorf("on %s tshark decrypts %d EncryptedExtensions, want 1", link, n)
		}
	}
	interfaces := tshark(t, file, "-T", "fields", "-e", "frame.interface_name")
	slices.Sort(interfaces)
	if got := slices.Compact(interfaces); !slices.Equal(got, []string{"nac–sw-1", "sw-1/3"}) {
		t.Errorf("interfaces %q", got)
	}
}

// TestInteropWiresharkDecodesEveryRADIUSPort covers authentication, accounting and dynamic authorization.
func TestInteropWiresharkDecodesEveryRADIUSPort(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	var out bytes.Buffer
	w := capture.NewWriter(&out)
	recorder := trace.NewRecorder(time.Unix(0, 0), w)
	for i, code := range []byte{1, 4, 43} {
		port := []uint16{1812, 1813, 3799}[i]
		b := append([]byte{code, byte(i), 0, 20}, make([]byte, 16)...)
		recorder.Packet(trace.Packet{
			Time: time.Unix(1, 0), From: netip.MustParseAddrPort("10.0.1.1:50000"),
			To: netip.AddrPortFrom(server.Addr(), port), Data: b,
		})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "capture.pcapng")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := tshark(t, file, "-T", "fields", "-e", "radius.code"); !slices.Equal(got, []string{"1", "4", "43"}) {
		t.Errorf("RADIUS codes %v, want [1 4 43]", got)
	}
}

// TestTsharkInsideTLS: RADIUS out of a TLS connection is shown as such, over either version of IP.
func TestTsharkInsideTLS(t *testing.T) {
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	var file bytes.Buffer
	w := capture.NewWriter(&file)
	r := trace.NewRecorder(time.Unix(0, 0), w)
	packet := []byte("\x01\x07\x00\x1aaaaaaaaaaaaaaaaa\x01\x06anna")
	for _, ends := range [][2]string{{"10.0.1.1:50000", "10.0.0.1:2083"}, {"[2001:db8:1::1]:50000", "[2001:db8::1]:2083"}} {
		r.Packet(trace.Packet{
			Time: time.Unix(1, 0), Link: "ap-1–nac", TLS: true, Data: packet,
			From: netip.MustParseAddrPort(ends[0]), To: netip.MustParseAddrPort(ends[1]),
		})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "tls.pcapng")
	if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "-r", name, "-Y", "radius && !_ws.malformed", "-T", "fields", "-e", "ip.src", "-e", "ipv6.dst",
		"-e", "exported_pdu.dst_port", "-e", "radius.id", "-e", "radius.User_Name").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "10.0.1.1\t\t2083\t7\tanna\n\t2001:db8::1\t2083\t7\tanna\n"
	if string(out) != want {
		t.Errorf("tshark shows %q, want %q", out, want)
	}
}
