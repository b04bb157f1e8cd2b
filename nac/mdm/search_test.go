package mdm

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/nac/identity"
)

func entraID(n int) string { return fmt.Sprintf("00000000-0000-4000-9000-%012d", n) }

func uri(id string) identity.Key { return identity.Key{Kind: identity.SANURI, Value: id} }
func dns(id string) identity.Key { return identity.Key{Kind: identity.SANDNS, Value: id} }

// facts 1.4: a GUID in SAN DNS, SAN URI or CN is Intune's ID or Entra's; a GUID of zeros is none.
func TestIDs(t *testing.T) {
	zeros := "00000000-0000-0000-0000-000000000000"
	fleet := func() []*device {
		return []*device{
			{id: numberedID(1), entra: entraID(1), name: "A", wifi: wifi1, state: "compliant"},
			{id: numberedID(2), entra: zeros, name: "B", state: "noncompliant"},
			{id: numberedID(3), entra: zeros, name: "C", state: "compliant"},
			{id: numberedID(4), entra: entraID(4), name: "OLD", state: "compliant", sync: start.Add(-time.Hour), management: "retirePending"},
			{id: numberedID(5), entra: entraID(4), name: "NEW", state: "compliant", sync: start},
			{id: entraID(6), entra: entraID(7), name: "ODD", state: "compliant"},
			{id: numberedID(7), entra: entraID(6), name: "PAIR", state: "compliant"},
		}
	}
	for _, c := range []struct {
		name string
		keys []identity.Key
		want string
	}{
		{"Intune's ID in a URI", keys(uri(numberedID(1))), "A compliant by san_uri"},
		{"Entra's ID in a URI", keys(uri(entraID(1))), "A compliant by san_uri"},
		{"Entra's ID as DNS name", keys(dns(entraID(1))), "A compliant by san_dns"},
		{"Intune's ID as CN", keys(cn(numberedID(2))), "B noncompliant by cn"},
		{"Entra's ID as CN", keys(cn(entraID(1))), "A compliant by cn"},
		{"zeros are nobody's", keys(dns(zeros), uri(zeros)), "none"},
		{"re-enrolled: two records of one Entra ID, the managed one", keys(uri(entraID(4))), "NEW compliant by san_uri"},
		{"one device's Intune ID is another's Entra ID: Intune's is asked for", keys(uri(entraID(6))), "ODD compliant by san_uri"},
		{"the MAC address counts first", keys(mac(client1), uri(numberedID(2))), "A compliant by mac"},
		{"nobody's", keys(uri(entraID(99))), "none"},
	} {
		for _, ignored := range []bool{false, true} {
			l := newLink(t, testConfig(), fleet()...)
			l.in.page, l.in.ignoreFilter = 3, ignored
			l.Enqueue(client1, c.keys)
			l.h.Advance(time.Second)
			if got := l.state(c.keys...); got != c.want {
				t.Errorf("%s (filter ignored: %t): %s, want %s\n%s", c.name, ignored, got, c.want, strings.Join(l.h.requests, "\n"))
			}
			if done := l.obs.lookup(t); done.Found != (c.want != "none") || done.Err != nil {
				t.Errorf("%s: %+v", c.name, done)
			}
			if err := l.poll1(); err != nil {
				t.Fatal(err)
			}
			if got := l.state(c.keys...); got != c.want {
				t.Errorf("%s (filter ignored: %t): %s after a poll, want %s", c.name, ignored, got, c.want)
			}
		}
	}
}

// A device that enrols again has another Intune ID: what the certificate says of Entra's leads to the new record.
func TestReEnrolled(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), entra: entraID(1), name: "A", state: "compliant"})
	k := keys(uri(entraID(1)))
	l.Enqueue(client1, k)
	l.h.Advance(time.Second)
	l.in.devices[0].id, l.in.devices[0].state = numberedID(2), "noncompliant"
	if err := l.poll1(); err != nil {
		t.Fatal(err)
	}
	if got := l.state(k...); got != "A noncompliant by san_uri" || len(l.Records()) != 1 {
		t.Errorf("%s, %+v", got, l.Records())
	}
	for _, c := range l.obs.changes {
		if !slices.Equal(c.Clients, []string{client1}) {
			t.Errorf("%+v", c)
		}
	}
}

// facts 2.1: an ignored filter sends the whole tenant. It is noticed on the first page and traced once; the index of the list then
// tells what to read, for later lookups without asking with a filter.
func TestIgnoredFilter(t *testing.T) {
	l := newLink(t, testConfig())
	l.in.page, l.in.ignoreFilter = 10, true
	for i := range 100 {
		l.in.devices = append(l.in.devices, &device{id: numberedID(i + 1), name: fmt.Sprint("D", i), state: "compliant"})
	}
	for i := range 5 {
		l.Enqueue(fmt.Sprint("client", i), keys(cn(fmt.Sprint("d", 90+i))))
		l.h.Advance(time.Second)
	}
	for i := range 5 {
		if got := l.state(cn(fmt.Sprint("D", 90+i))); got != fmt.Sprintf("D%d compliant by cn", 90+i) {
			t.Error(got)
		}
	}
	filters, pages := 0, 0
	for _, r := range l.h.requests {
		if strings.Contains(r, "$filter") {
			filters++
		} else if strings.Contains(r, "managedDevices?") {
			pages++
		}
	}
	if filters != 1 || pages != 10 || l.h.Traced("drop", "from=Intune", "reason=the filter by deviceName was ignored: 10 devices do not match it") != 1 {
		t.Errorf("%d filters and %d pages, traces %q", filters, pages, l.h.Lines)
	}
	// It is tried again some time.
	l.in.ignoreFilter = false
	l.h.Advance(3 * time.Hour)
	l.h.requests = nil
	l.Enqueue("late", keys(cn("D1")))
	l.h.Advance(time.Second)
	if l.h.requested("$filter") != 1 || l.state(cn("D1")) == "none" {
		t.Errorf("after three hours: %s", l.state(cn("D1")))
	}
}

// Clients that want the same device share one request for it, under way at the same time.
func TestOneFlightPerDevice(t *testing.T) {
	cfg := testConfig()
	cfg.Workers = 10
	l := newLink(t, cfg, &device{id: numberedID(1), entra: entraID(1), name: "A", state: "compliant"})
	for i := range 5 {
		l.Enqueue(fmt.Sprint("id-", i), keys(dns(numberedID(1))))
		l.Enqueue(fmt.Sprint("name-", i), keys(cn("a")))
	}
	l.h.Advance(time.Second)
	if len(l.obs.lookups) != 10 || l.state(cn("A")) == "none" {
		t.Fatalf("%d lookups", len(l.obs.lookups))
	}
	requests := slices.Clone(l.h.requests)
	if byID, all := l.h.requested("managedDevices/"), len(requests); byID != 1 || all != 3 {
		t.Errorf("%d requests by id, %d in all: %q", byID, all, requests)
	}
}

// What lies under a wrong answer is never believed: a device other than the one that was asked for is an error.
func TestAnotherDevice(t *testing.T) {
	l := newLink(t, testConfig())
	l.in.answer = func(r *http.Request) *http.Response {
		if strings.Contains(r.URL.Path, "/managedDevices/") {
			return reply(200, (&device{id: numberedID(2), name: "B", state: "compliant"}).json(false))
		}
		return nil
	}
	l.Enqueue(client1, keys(dns(numberedID(1))))
	l.h.Advance(time.Second)
	if err := l.obs.lookup(t).Err; err == nil || !strings.Contains(err.Error(), "asked for "+numberedID(1)+", got "+numberedID(2)) || len(l.Records()) != 0 {
		t.Errorf("%v, %+v", err, l.Records())
	}
}

// facts 1.3: laptops that were used at one dock have its address. What the DDB has of one of them for the sake of a client
// that its certificate confirms says nothing of a client that has the address alone.
func TestDock(t *testing.T) {
	for _, where := range []string{"ethernet", "wifi"} {
		a := &device{id: numberedID(1), name: "A", state: "compliant"}
		b := &device{id: numberedID(2), name: "B", state: "noncompliant"}
		if where == "wifi" {
			a.wifi, b.wifi = wifi1, wifi1
		} else {
			a.ethernet, b.ethernet = wifi1, wifi1
		}
		l := newLink(t, testConfig(), a, b)
		withA := keys(mac(client1), san(1))
		l.Enqueue(client1, withA)
		l.h.Advance(time.Second)
		if got := l.state(withA...); got != "A compliant by mac" {
			t.Errorf("%s, with A's certificate: %s", where, got)
		}
		alone := keys(mac(client1), cn("ada"))
		for i, step := range []func(){func() { l.Enqueue(client1, alone) }, func() { l.h.Advance(2 * time.Millisecond) }} {
			if got := l.state(alone...); got != "none" {
				t.Errorf("%s, without it, before the answer, %d: %s", where, i, got)
			}
			step()
		}
		l.h.Advance(time.Second)
		if got := l.state(alone...); got != "A noncompliant by mac" || !l.obs.lookup(t).Record.Conflict {
			t.Errorf("%s, without it: %s", where, got)
		}
		if got := l.state(withA...); got != "A compliant by mac" {
			t.Errorf("%s, with A's certificate again: %s", where, got)
		}
		l.restart(testConfig())
		if got := l.state(alone...); got != "A noncompliant by mac" {
			t.Errorf("%s, after a restart: %s", where, got)
		}
	}
}

// Ambiguity is traced.
func TestSeveralMatchesAreTraced(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A", state: "compliant", sync: start}, &device{id: numberedID(2), name: "A", state: "compliant"})
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(time.Second)
	if l.obs.lookup(t).Matches != 2 || l.h.Traced("lookup", "result=found", "matches=2") != 1 {
		t.Errorf("%+v, %q", l.obs.lookup(t), l.h.Lines)
	}
}

// Whatever number of devices have a client's address or name, the one that speaks against it is not overlooked; and of more than
// can be looked at nothing is believed (fails closed).
func TestManyDevicesAreOne(t *testing.T) {
	for _, c := range []struct {
		name    string
		key     identity.Key
		devices int
		want    string
	}{
		{"behind a dock", mac(client1), 40, "noncompliant"},
		{"of one name", cn("TWIN"), 40, "noncompliant"},
		{"too many behind a dock", mac(client1), maxShared + 1, "none"},
		{"too many of one name", cn("TWIN"), maxShared + 1, "none"},
	} {
		for _, ignored := range []bool{false, true} {
			l := newLink(t, testConfig())
			l.in.ignoreFilter, l.in.page = ignored, 50
			for i := range c.devices {
				l.in.devices = append(l.in.devices, &device{id: numberedID(i + 1), name: "TWIN", wifi: wifi1, state: "compliant", sync: start.Add(-time.Duration(i) * time.Minute)})
			}
			l.in.devices[c.devices-1].state = "noncompliant"
			l.Enqueue(client1, keys(c.key))
			l.h.Advance(30 * time.Second)
			if got := l.state(c.key); !strings.Contains(got, c.want) {
				t.Errorf("%s, filters ignored %v: %s, want %s", c.name, ignored, got, c.want)
			}
		}
	}
}
