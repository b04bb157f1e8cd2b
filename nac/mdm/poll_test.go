package mdm

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// onboarded is a link with ten devices of which the first three have authenticated.
func onboarded(t *testing.T) *link {
	t.Helper()
	l := newLink(t, testConfig())
	l.in.page = 4
	for i := range 10 {
		l.in.devices = append(l.in.devices, &device{id: numberedID(i), name: fmt.Sprint("D", i), wifi: fmt.Sprintf("001CB30000%02d", i), state: "compliant"})
	}
	for i := range 3 {
		l.Enqueue(fmt.Sprint("client", i), keys(cn(fmt.Sprint("D", i))))
	}
	l.h.Advance(time.Minute)
	if len(l.obs.lookups) != 3 || len(l.Records()) != 3 {
		t.Fatalf("%d lookups, %d records", len(l.obs.lookups), len(l.Records()))
	}
	*l.obs = observations{}
	l.h.requests, l.h.Lines = nil, nil
	return l
}

func TestPollEveryTwoHours(t *testing.T) {
	l := onboarded(t)
	l.in.device("D1").state = "noncompliant"
	l.in.device("D5").state = "noncompliant" // has not authenticated
	l.h.Advance(2*time.Hour - 2*time.Minute)
	if len(l.h.requests) != 0 || l.state(cn("D1")) != "D1 compliant by cn" {
		t.Errorf("before the poll: %q", l.h.requests)
	}
	l.h.Advance(2 * time.Minute)
	if l.state(cn("D1")) != "D1 noncompliant by cn" || l.state(cn("D5")) != "none" || len(l.Records()) != 3 {
		t.Errorf("after the poll: %s, %s", l.state(cn("D1")), l.state(cn("D5")))
	}
	if len(l.obs.changes) != 1 || l.obs.changes[0].Was.ComplianceState != "compliant" || !slices.Equal(l.obs.changes[0].Clients, []string{"client1"}) {
		t.Errorf("%+v", l.obs.changes)
	}
	if !slices.Equal(l.obs.polls, []Poll{{Devices: 10, Changed: 1}}) {
		t.Errorf("%+v", l.obs.polls)
	}
	if l.h.Traced("poll devices=10 changed=1 result=ok") != 1 || l.h.Traced("ddb device=D1 compliance=noncompliant was=compliant") != 1 {
		t.Errorf("traces %q", l.h.Lines)
	}
	if n := l.h.requested("managedDevices?"); n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
	l.h.Advance(22 * time.Hour)
	if len(l.obs.polls) != 12 {
		t.Errorf("%d polls in a day, want 12", len(l.obs.polls))
	}
	if r, _, _ := l.State(keys(cn("D2"))); l.h.Now().Sub(r.FetchedAt) > time.Hour {
		t.Errorf("D2 was confirmed at %v", r.FetchedAt)
	}
}

func TestNoPollWithoutClients(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A"})
	l.h.Advance(24 * time.Hour)
	if len(l.h.requests) != 0 || len(l.obs.polls) != 0 {
		t.Errorf("%q, %+v", l.h.requests, l.obs.polls)
	}
}

// A poll that fails on its second page changes nothing, and is repeated until it succeeds.
func TestFailedPollChangesNothing(t *testing.T) {
	l := onboarded(t)
	down := true
	l.in.answer = func(r *http.Request) *http.Response {
		if down && strings.Contains(r.URL.RawQuery, "skiptoken") {
			return reply(504, "")
		}
		return nil
	}
	for _, d := range l.in.devices {
		d.state = "noncompliant"
	}
	l.h.Advance(2*time.Hour + time.Minute)
	if l.state(cn("D0")) != "D0 compliant by cn" || len(l.obs.changes) != 0 || len(l.obs.polls) < 2 || l.obs.polls[0].Err == nil {
		t.Errorf("%s, %+v, %+v", l.state(cn("D0")), l.obs.changes, l.obs.polls)
	}
	if l.h.Traced("poll", "result=error", "error=list of devices: 504") != len(l.obs.polls) {
		t.Errorf("traces %q", l.h.Lines)
	}
	down = false
	l.h.Advance(5 * time.Minute)
	if l.state(cn("D0")) != "D0 noncompliant by cn" || len(l.obs.changes) != 3 {
		t.Errorf("%s, %+v", l.state(cn("D0")), l.obs.changes)
	}
	n := len(l.obs.polls)
	l.h.Advance(2 * time.Hour)
	if len(l.obs.polls) != n+1 {
		t.Errorf("%d polls in the two hours after a repeated one", len(l.obs.polls)-n)
	}
}

// facts 2.1: Graph has been seen to lose most of a tenant in lists; each device is still there by its id.
func TestShortPoll(t *testing.T) {
	l := onboarded(t)
	if err := l.poll1(); err != nil {
		t.Fatal(err)
	}
	short := []any{l.in.devices[0].json(true)}
	l.in.answer = func(r *http.Request) *http.Response {
		if r.Method == http.MethodGet && !strings.Contains(r.URL.Path, "/managedDevices/") {
			return reply(200, map[string]any{"value": short})
		}
		return nil
	}
	if err := l.poll1(); err == nil || !strings.Contains(err.Error(), "1 devices after 10 the last time") {
		t.Errorf("short poll: %v", err)
	}
	if err := l.poll1(); err == nil {
		t.Error("a second short list was believed")
	}
	l.cfg.ShortListAccept = 2
	if err := l.poll1(); err != nil {
		t.Errorf("a third short list, to be believed: %v", err)
	}
	if len(l.Records()) != 3 || len(l.obs.changes) != 0 {
		t.Errorf("devices that are there by id were dropped: %+v", l.obs.changes)
	}
	l.in.remove("D2")
	if err := l.poll1(); err != nil {
		t.Fatal(err)
	}
	if l.state(cn("D2")) != "none" || len(l.obs.changes) != 1 || !l.obs.changes[0].Gone {
		t.Errorf("%+v", l.obs.changes)
	}
}

// A restart does not make a short list a good one, and lists of other sizes do not add up to one that is believed.
func TestShortPollAfterRestart(t *testing.T) {
	l := onboarded(t)
	if err := l.poll1(); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	cfg.ShortListAccept = 1
	l.restart(cfg)
	all := l.in.devices
	for i, c := range []struct {
		devices int
		refused bool
	}{{1, true}, {4, true}, {2, true}, {5, false}, {2, true}, {2, false}, {1, false}} {
		l.in.devices = all[:c.devices]
		if err := l.poll1(); (err != nil) != c.refused {
			t.Errorf("list %d of %d devices: %v", i, c.devices, err)
		}
	}
	cfg.ShortList = -1
	l.restart(cfg)
	l.in.devices = nil
	if err := l.poll1(); err != nil || l.Status().Listed != 0 {
		t.Errorf("an empty list where any is believed: %v", err)
	}
}

// A list does not tell Ethernet addresses; a poll leaves those that are known.
func TestPollKeepsEthernetAddress(t *testing.T) {
	l := onboarded(t)
	l.in.device("D7").ethernet = wired1
	k := keys(mac("00:1c:b3:09:85:16"))
	l.Enqueue("wired", k)
	l.h.Advance(time.Second)
	if err := l.poll1(); err != nil {
		t.Fatal(err)
	}
	if got := l.state(k...); got != "D7 compliant by mac" || len(l.obs.changes) != 1 {
		t.Errorf("%s, %+v", got, l.obs.changes)
	}
}

// facts 7.2: 401 in the middle of a list renews the token once; when that does not help, the poll changes nothing.
func TestPollWithTokenRefused(t *testing.T) {
	for _, helps := range []bool{true, false} {
		l := onboarded(t)
		l.in.device("D1").state = "noncompliant"
		pages := 0
		l.in.answer = func(r *http.Request) *http.Response {
			if r.Method != http.MethodGet {
				return nil
			}
			if pages++; pages == 2 || pages == 3 && !helps {
				return reply(401, map[string]any{"error": map[string]string{"code": "InvalidAuthenticationToken", "message": "Lifetime validation failed, the token is expired."}})
			}
			return nil
		}
		err := l.poll1()
		want := map[bool]string{true: "D1 noncompliant by cn", false: "D1 compliant by cn"}[helps]
		if (err == nil) != helps || l.state(cn("D1")) != want || l.in.tokens != 2 {
			t.Errorf("renewal helps: %t: %v, %s, %d tokens", helps, err, l.state(cn("D1")), l.in.tokens)
		}
		if st := l.Status(); (st.Health == Unhealthy) == helps || st.Refused == helps {
			t.Errorf("renewal helps: %t: %+v", helps, st)
		}
	}
}

// facts 3.4: a list that lags behind what a device was read as is not believed of that device, which is read again.
func TestPollOfLaggingList(t *testing.T) {
	l := onboarded(t)
	d := l.in.device("D1")
	d.sync = start
	if err := l.poll1(); err != nil {
		t.Fatal(err)
	}
	old := d.json(true)
	d.sync, d.state = start.Add(time.Hour), "noncompliant"
	l.Enqueue("other", keys(san(1)))
	l.h.Advance(time.Second)
	*l.obs = observations{}
	l.h.requests = nil
	l.in.answer = func(r *http.Request) *http.Response {
		if r.URL.RawQuery != "" && strings.HasSuffix(r.URL.Path, "managedDevices") {
			return reply(200, map[string]any{"value": []any{old}})
		}
		return nil
	}
	l.cfg.ShortList = -1
	if err := l.poll1(); err != nil {
		t.Fatal(err)
	}
	if got := l.state(cn("D1")); got != "D1 noncompliant by cn" || len(l.obs.changes) != 0 {
		t.Errorf("%s, %+v", got, l.obs.changes)
	}
	if r, _, _ := l.State(keys(cn("D1"))); !r.FetchedAt.Equal(l.h.Now()) {
		t.Errorf("confirmed at %v, want %v", r.FetchedAt, l.h.Now())
	}
}

// A device that enrols after its client has authenticated is found by the next poll.
func TestPollFindsLateDevice(t *testing.T) {
	l := onboarded(t)
	k := keys(mac("00:1c:b3:00:00:77"), cn("LATE"))
	l.Enqueue("late", k)
	l.h.Advance(time.Second)
	if l.obs.lookup(t).Found {
		t.Fatal("found before it enrolled")
	}
	l.in.devices = append(l.in.devices, &device{id: numberedID(77), name: "X", wifi: "001CB3000077", state: "compliant"})
	if err := l.poll1(); err != nil {
		t.Fatal(err)
	}
	if got := l.state(k...); got != "X compliant by mac" {
		t.Error(got)
	}
}

// The interval counts from the last poll before a restart, and records are as old as that poll.
func TestPollAfterRestart(t *testing.T) {
	l := onboarded(t)
	l.h.Advance(3 * time.Hour)
	polled := start.Add(2 * time.Hour)
	l.restart(testConfig())
	if r, _, ok := l.State(keys(cn("D0"))); !ok || r.FetchedAt.Before(polled) {
		t.Errorf("after the restart: %+v", r)
	}
	l.h.Advance(59*time.Minute - time.Second)
	if len(l.obs.polls) != 0 {
		t.Error("polled too early")
	}
	l.h.Advance(62 * time.Second)
	if len(l.obs.polls) != 1 {
		t.Errorf("%d polls four hours after the start", len(l.obs.polls))
	}
}

// Records that no client asks for any more go with the next poll, without a word.
func TestPollPrunes(t *testing.T) {
	l := onboarded(t)
	l.Enqueue("client0", keys(cn("D9")))
	l.h.Advance(time.Second)
	if err := l.poll1(); err != nil {
		t.Fatal(err)
	}
	if l.state(cn("D0")) != "none" || len(l.Records()) != 3 {
		t.Errorf("%+v", l.Records())
	}
	for _, c := range l.obs.changes {
		if c.Gone {
			t.Errorf("%+v", c)
		}
	}
}

// A lookup that overtakes a poll is not undone by it.
func TestOlderReplyChangesNothing(t *testing.T) {
	l := onboarded(t)
	var err error
	l.h.Go("poll", func() { err = l.Poll() })
	l.h.Advance(1500 * time.Microsecond) // the first page, with D0, is there
	l.in.device("D0").state = "noncompliant"
	l.Enqueue("new", keys(san(0)))
	l.h.Advance(time.Second)
	if got := l.state(cn("D0")); err != nil || got != "D0 noncompliant by cn" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestCrashDuringPoll(t *testing.T) {
	l := onboarded(t)
	l.in.device("D0").state = "noncompliant"
	l.h.Advance(2*time.Hour - time.Minute + 1500*time.Microsecond)
	l.restart(testConfig())
	if len(l.Records()) != 3 || l.state(cn("D0")) != "D0 compliant by cn" {
		t.Errorf("%+v", l.Records())
	}
}
