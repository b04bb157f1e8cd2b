package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nacsim/sim/play"
	"nacsim/sim/scenario"
)

func parse(t *testing.T, path string) *scenario.File {
	t.Helper()
	f, err := scenario.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// capture plays a scenario and returns its capture.
func capture(t *testing.T, f *scenario.File, o play.Options) string {
	t.Helper()
	file, _ := played(t, f, o)
	return file
}

// played plays a scenario and returns its capture and its trace.
func played(t *testing.T, f *scenario.File, o play.Options) (string, programTrace) {
	t.Helper()
	o.Dir = t.TempDir()
	result, err := play.Run(f, o)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Passed() {
		t.Fatal(result.Failure)
	}
	trace, err := os.Open(filepath.Join(o.Dir, play.TraceFile))
	if err != nil {
		t.Fatal(err)
	}
	defer trace.Close()
	return filepath.Join(o.Dir, play.CaptureFile), readTrace(t, trace)
}

// insideTunnels is what tshark finds in EAP-TTLS, PEAP and TEAP when it can decrypt them: AVPs, EAP, and EAP-TLS.
var insideTunnels = []string{":tls:diameter", ":tls:peap:eap", ":tls:teap:eap:tls"}

// TestInteropTsharkReadsTheCatalogue has tshark read the captures of all scenarios.
func TestInteropTsharkReadsTheCatalogue(t *testing.T) {
	program(t, "tshark")
	paths, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var mu sync.Mutex
	codes, inside := map[string]int{}, map[string]int{}
	t.Run("each", func(t *testing.T) {
		for _, path := range paths {
			f := parse(t, path)
			if slices.ContainsFunc(f.NAS, func(n scenario.NAS) bool { return n.RADIUS == scenario.OverTLS }) {
				continue // another secret, and Access-Accepts that answer Status-Server: see TestInteropTsharkReadsRadSec
			}
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				d := opened(t, f, play.Options{})
				mu.Lock()
				defer mu.Unlock()
				for _, p := range d {
					codes[p[fieldCode]]++
					for _, tunnelled := range insideTunnels {
						if strings.Contains(p[fieldProtocols], tunnelled) {
							inside[tunnelled]++
						}
					}
				}
			})
		}
	})
	for _, tunnelled := range insideTunnels {
		if inside[tunnelled] == 0 {
			t.Errorf("tshark finds no %s in the whole catalogue", tunnelled)
		}
	}
	// RADIUS of ports 1812, 1813 and 3799.
	for code, name := range map[string]string{
		"1": "Access-Request", "2": "Access-Accept", "3": "Access-Reject", "11": "Access-Challenge", "4": "Accounting-Request",
		"5": "Accounting-Response", "43": "CoA-Request", "44": "CoA-ACK", "45": "CoA-NAK", "40": "Disconnect-Request", "41": "Disconnect-ACK",
	} {
		if codes[code] == 0 {
			t.Errorf("tshark finds no %s in the whole catalogue", name)
		}
	}
}

// TestInteropTsharkDecryptsEveryVersion plays an onboarding with each TLS version, whole and in fragments.
func TestInteropTsharkDecryptsEveryVersion(t *testing.T) {
	program(t, "tshark")
	for _, name := range []string{"onboarding-wired", "onboarding-wireless"} {
		for _, version := range tlsVersions {
			for _, fragment := range []int{100, 1398} {
				t.Run(fmt.Sprintf("%s/TLS %s/fragments of %d", name, version, fragment), func(t *testing.T) {
					t.Parallel()
					f := parse(t, "../../scenarios/"+name+".yaml")
					f.Settings.TLS.Min, f.Settings.TLS.Max = version, version
					f.Devices[0].Supplicant.Fragment = fragment
					d := opened(t, f, play.Options{})
					want := 0
					if version == "1.3" {
						want = d.count("wire", accept)
					}
					if n := d.handshakes("wire", encryptedExtensions); n != want {
						t.Errorf("%d EncryptedExtensions, which TLS 1.3 alone has, want %d", n, want)
					}
				})
			}
		}
	}
}

func accept(p packet) bool { return p[fieldCode] == "2" }

// opened plays a scenario and checks its capture: clean, the EAP-TLS of every accepted client decrypted on each link,
// and on wireless the group key of every 4-way handshake, with PMKs from the Access-Accepts.
func opened(t *testing.T, f *scenario.File, o play.Options) dissection {
	t.Helper()
	file, trace := played(t, f, o)
	keys := pmks(t, file)
	d := dissect(t, file, scenarioSecret, keys...)
	d.clean(t)
	certificates, finishes := trace.handshakes()
	links := []string{"wire"}
	if len(f.Devices) == 1 {
		// Wireshark 4.0 takes all EAP in EAPOL for one conversation, so stations that authenticate at the same time
		// look like one that repeats itself.
		links = append(links, accessLink(f))
	}
	for _, link := range links {
		if n := d.handshakes(link, certificate); n < certificates {
			t.Errorf("tshark can read %d Certificate on the %s link, want at least %d", n, link, certificates)
		}
		if n := d.handshakes(link, finished); n < finishes {
			t.Errorf("tshark can read %d Finished on the %s link, want at least %d", n, link, finishes)
		}
	}
	if accessLink(f) == "radio" && len(keys) > 0 {
		d.unlocked(t)
	}
	return d
}

// handshakes are how many Certificate and Finished messages there were at least: both ends of each TLS handshake that led
// to an acceptance send a Finished, and where no session was resumed the server a certificate, with EAP-TLS the client too.
func (p programTrace) handshakes() (certificates, finishes int) {
	for _, r := range p {
		if r.Kind != "event" || r.Type != "NAC_CLIENT_PERMIT" || r.AuthType == "mab" {
			continue
		}
		finishes += 2
		if !r.Resumed {
			certificates++
			if r.AuthType == "eap-tls" {
				certificates++
			}
		}
	}
	return certificates, finishes
}

// accessLink is the kind of link between the devices and the first NAS.
func accessLink(f *scenario.File) string {
	if f.NAS[0].Kind == scenario.KindAP {
		return "radio"
	}
	return "cable"
}

// unlocked checks that tshark, given the PMKs, reads the group key in message 3 of each 4-way handshake. It derives the
// keys itself, and only from messages whose MIC is right.
func (d dissection) unlocked(t *testing.T) {
	t.Helper()
	third := 0
	for _, p := range d {
		if p[fieldMessage] != "3" {
			continue
		}
		third++
		if len(p[fieldGTK]) != 32 {
			t.Errorf("packet %s: tshark finds the GTK %q in message 3 of 4", p[fieldNumber], p[fieldGTK])
		}
	}
	if third == 0 {
		t.Error("there is no message 3 of 4")
	}
}

// TestInteropTsharkNeedsTheSecrets holds the other tests to their word: what they find is not there without the RADIUS
// secret and the PMKs.
func TestInteropTsharkNeedsTheSecrets(t *testing.T) {
	program(t, "tshark")
	d := dissect(t, capture(t, parse(t, "../../scenarios/onboarding-wireless.yaml"), play.Options{}), "guess")
	for _, p := range d {
		if p.has(fieldValid, "1") || accept(p) && !p.has(fieldInvalid, "1") {
			t.Errorf("packet %s is authentic with a wrong secret", p[fieldNumber])
		}
		if p[fieldGTK] != "" {
			t.Errorf("packet %s: tshark reads a GTK without a PMK", p[fieldNumber])
		}
	}
}

// TestInteropTsharkReadsALiveRun plays onboardings in real time, with real randomness, on real sockets.
func TestInteropTsharkReadsALiveRun(t *testing.T) {
	program(t, "tshark")
	for _, name := range []string{"onboarding-wired", "onboarding-wireless"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := parse(t, "../../scenarios/"+name+".yaml").Hurry(time.Second)
			d := opened(t, f, play.Options{Live: true})
			if n := d.count("wire", accept); n != 2 {
				t.Errorf("%d Access-Accepts, want 2", n)
			}
		})
	}
}
