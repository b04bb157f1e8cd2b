package supplicant

import (
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/fakeap/eappeer"
	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
)

// A station waits as its profile does, except where a period is set.
func TestProfileTimers(t *testing.T) {
	m := newMachine(t, cable, func(c *Config) { c.Profile = "windows" })
	m.connect(start)
	if got, want := attempts(m, 20*time.Second), seconds(0, 5, 10, 16); !slices.Equal(got, want) {
		t.Errorf("EAPOL-Start at %v, want %v", got, want)
	}
	m = newMachine(t, cable, func(c *Config) { c.Profile, c.Timers.Start = "windows", 7*time.Second })
	m.connect(start)
	if got, want := attempts(m, 15*time.Second), seconds(0, 7, 14); !slices.Equal(got, want) {
		t.Errorf("EAPOL-Start at %v, want %v", got, want)
	}
	m = newMachine(t, cable, func(c *Config) { c.Profile = "windows" })
	m.connect(start)
	m.receive(ethernet(request(1, eap.TypeIdentity, "")), start)
	m.receive(ethernet([]byte{4, 1, 0, 4}), start)
	if !m.deadline.IsZero() {
		t.Error("windows tries again after a refusal")
	}
}

// Sessions are kept where the profile or the setting says so.
func TestProfileResumes(t *testing.T) {
	for _, tt := range []struct {
		change func(*Config)
		want   bool
	}{
		{func(*Config) {}, false},
		{func(c *Config) { c.Resume = true }, true},
		{func(c *Config) { c.Profile = "apple" }, true},
		{func(c *Config) { c.Profile = "wpa_supplicant" }, false},
	} {
		c := Config{MAC: station, Config: eappeer.Config{Identity: "x"}}
		tt.change(&c)
		c, err := c.withDefaults()
		if err != nil || (c.Sessions != nil) != tt.want {
			t.Errorf("profile %q, resume %v: sessions %v, %v", c.Profile, c.Resume, c.Sessions, err)
		}
	}
}

// A station whose user is asked about the server's certificate says so when the authentication has timed out.
func TestServerNotTrustedTimesOut(t *testing.T) {
	m := newMachine(t, cable, func(c *Config) { c.Profile = "apple" })
	m.connect(start)
	server := eap.NewTLSServer(eaptest.ServerTLS(eaptest.NewCA(t, "Contoso Root CA")))
	defer server.Close()
	framer := eap.NewFramer(1024)
	data := framer.Start()
	for id := uint8(2); ; id++ {
		m.receive(ethernet(request(id, eap.TypeTLS, string(data))), start)
		frames, _ := m.take()
		if id == 20 {
			t.Fatal("the station goes on answering")
		}
		if len(frames) == 0 {
			break
		}
		p, err := eap.Parse(frames[len(frames)-1][18:])
		if err != nil || p.Type != eap.TypeTLS {
			t.Fatalf("%v, %v", p, err)
		}
		message, complete, err := framer.Receive(p.Data)
		switch {
		case err != nil:
			t.Fatal(err)
		case !complete:
			data = framer.Ack()
			continue
		case !framer.Pending():
			out, err := server.Step(message)
			if err != nil {
				t.Fatal(err)
			}
			framer.Send(out)
		}
		data, _ = framer.Next()
	}
	m.expire(start.Add(20 * time.Second))
	_, changes := m.take()
	if len(changes) != 1 || !strings.HasPrefix(changes[0].reason, "authentication timed out: server certificate refused: ") {
		t.Errorf("changes %+v", changes)
	}
}

// The trace says how the station was authenticated.
func TestOutcomeInChanges(t *testing.T) {
	m := newMachine(t, cable, func(c *Config) { c.Method, c.Password = eap.TypeMD5, "clientPass" })
	m.connect(start)
	m.receive(ethernet(request(1, eap.TypeMD5, "\x01x")), start)
	m.receive(ethernet([]byte{3, 1, 0, 4}), start)
	_, changes := m.take()
	last := changes[len(changes)-1]
	if last.state != Connected || last.auth.Method != eap.TypeMD5 || last.auth.TLS != 0 {
		t.Errorf("%+v", last)
	}
	m.receive(ethernet(request(2, eap.TypeIdentity, "")), start)
	m.receive(ethernet([]byte{4, 2, 0, 4}), start)
	_, changes = m.take()
	if last = changes[len(changes)-1]; last.state != Failed || last.reason != "EAP-Failure" {
		t.Errorf("%+v", last)
	}
}
