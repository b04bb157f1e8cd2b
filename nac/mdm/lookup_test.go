package mdm

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/nac/identity"
)

// facts: seed, "Device Identity Extraction": MAC before CN before SAN, any one suffices.
func TestOrderOfKeys(t *testing.T) {
	fleet := func() []*device {
		return []*device{
			{id: numberedID(1), name: "BYMAC", wifi: wifi1, state: "noncompliant"},
			{id: numberedID(2), name: "BYCN", wifi: "001CB3000002", ethernet: wired1, state: "compliant"},
			{id: numberedID(3), name: "BYSAN", wifi: "001CB3000003", state: "inGracePeriod"},
		}
	}
	cases := []struct {
		name string
		keys []identity.Key
		want string
	}{
		{"all three name different devices", keys(mac(client1), cn("BYCN"), san(3)), "BYMAC noncompliant by mac"},
		{"MAC alone", keys(mac(client1)), "BYMAC noncompliant by mac"},
		{"CN alone, other case", keys(cn("bycn")), "BYCN compliant by cn"},
		{"SAN alone", keys(san(3)), "BYSAN inGracePeriod by san_dns"},
		{"CN before SAN", keys(cn("BYCN"), san(3)), "BYCN compliant by cn"},
		{"unknown MAC", keys(mac("00:1c:b3:ff:ff:ff"), cn("BYCN"), san(3)), "BYCN compliant by cn"},
		{"unknown MAC and CN", keys(mac("00:1c:b3:ff:ff:ff"), cn("X"), san(3)), "BYSAN inGracePeriod by san_dns"},
		{"CN as DeviceName.FQDN", keys(cn("BYCN.corp.example"), cn("BYCN")), "BYCN compliant by cn"},
		{"Ethernet MAC of the device of the CN", keys(mac("00:1c:b3:09:85:16"), cn("BYCN")), "BYCN compliant by mac"},
		{"Ethernet MAC alone, which no list shows", keys(mac("00:1c:b3:09:85:16")), "BYCN compliant by mac"},
		{"Ethernet MAC against SAN", keys(mac("00:1c:b3:09:85:16"), san(3)), "BYCN compliant by mac"},
		{"SAN that is no id", keys(identity.Key{Kind: identity.SANDNS, Value: "host.example"}), "none"},
		{"nothing known", keys(mac("00:1c:b3:ff:ff:ff"), cn("X"), san(9)), "none"},
	}
	for _, filterIgnored := range []bool{false, true} {
		for _, c := range cases {
			l := newLink(t, testConfig(), fleet()...)
			l.in.page, l.in.ignoreFilter = 2, filterIgnored
			l.Enqueue(client1, c.keys)
			l.h.Advance(time.Second)
			if got := l.state(c.keys...); got != c.want {
				t.Errorf("%s (filter ignored: %t): %s, want %s\n%s", c.name, filterIgnored, got, c.want, strings.Join(l.h.requests, "\n"))
			}
			done := l.obs.lookup(t)
			if done.Found != (c.want != "none") || done.Err != nil || done.Client != client1 {
				t.Errorf("%s: %+v", c.name, done)
			}
			for _, change := range l.obs.changes {
				if !slices.Equal(change.Clients, []string{client1}) {
					t.Errorf("%s: change of %s concerns %v", c.name, change.Record.DeviceName, change.Clients)
				}
			}
		}
	}
}

// A device found by name must not decide anything before it is known which device has the address: the observer sees
// no state in between.
func TestNoStateInBetween(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "BYMAC", wifi: wifi1, state: "noncompliant"}, &device{id: numberedID(2), name: "BYCN", state: "compliant"})
	k := keys(mac(client1), cn("BYCN"))
	l.Enqueue(client1, k)
	seen := map[string]bool{}
	for range 100 {
		l.h.Advance(100 * time.Microsecond)
		seen[l.state(k...)] = true
	}
	if len(seen) != 2 || !seen["none"] || !seen["BYMAC noncompliant by mac"] {
		t.Errorf("states: %v", seen)
	}
}

func TestCheapestRequests(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "LAPTOP-1", wifi: wifi1, state: "compliant"}, &device{id: numberedID(2), name: "O'Brien"})
	k := keys(mac(client1), cn("LAPTOP-1"), san(1))
	l.Enqueue(client1, k)
	l.h.Advance(time.Second)
	want := []string{
		"POST https://login.microsoftonline.com/tenant/oauth2/v2.0/token",
		"GET https://graph.microsoft.com/v1.0/deviceManagement/managedDevices?$filter=deviceName%20eq%20%27LAPTOP-1%27&$select=" + selected,
	}
	if !slices.Equal(l.h.requests, want) {
		t.Errorf("requests %q, want %q", l.h.requests, want)
	}
	if got := l.state(k...); got != "LAPTOP-1 compliant by mac" {
		t.Error(got)
	}
	if l.h.Traced("lookup", "client="+client1, "key=mac", "value="+client1, "result=found", "compliance=compliant", "device=LAPTOP-1") != 1 ||
		l.h.Traced("ddb", "device=LAPTOP-1", "compliance=compliant", "was=none") != 1 {
		t.Errorf("traces %q", l.h.Lines)
	}

	// The same client within FreshFor: the database answers.
	l.h.requests = nil
	l.Enqueue(client1, k)
	l.h.Advance(time.Second)
	if len(l.h.requests) != 0 || len(l.obs.lookups) != 1 {
		t.Errorf("a fresh record was looked up again: %q", l.h.requests)
	}
	// Quotes are doubled in a filter.
	l.Enqueue("00:1c:b3:00:00:02", keys(cn("O'Brien")))
	l.h.Advance(time.Second)
	if got := l.state(cn("o'brien")); got != "O'Brien unknown by cn" {
		t.Error(got)
	}
}

// Many clients with unknown addresses share one list, and so do those that come within ListReuse.
func TestListIsShared(t *testing.T) {
	cfg := testConfig()
	cfg.EthernetBudget = -1
	l := newLink(t, cfg)
	for i := range 20 {
		l.in.devices = append(l.in.devices, &device{id: numberedID(i), name: fmt.Sprint("D", i), wifi: fmt.Sprintf("001CB30000%02d", i), state: "compliant"})
	}
	for i := range 10 {
		l.Enqueue(fmt.Sprint("client", i), keys(mac(fmt.Sprintf("00:1c:b3:00:00:%02d", i+15))))
	}
	l.h.Advance(time.Second)
	if len(l.obs.lookups) != 10 {
		t.Fatalf("%d lookups", len(l.obs.lookups))
	}
	found := 0
	for _, done := range l.obs.lookups {
		if done.Found {
			found++
		}
	}
	if lists := l.h.requested("managedDevices?$select"); lists != 1 || found != 5 || l.in.tokens != 1 {
		t.Errorf("%d lists, %d found, %d tokens, want 1, 5, 1", lists, found, l.in.tokens)
	}
	l.h.Advance(time.Minute)
	l.Enqueue("client9", keys(mac("00:1c:b3:00:00:99")))
	l.h.Advance(time.Second)
	if lists := l.h.requested("managedDevices?$select"); lists != 1 {
		t.Errorf("%d lists after ListReuse, want 1", lists)
	}
}

func TestEthernetBudget(t *testing.T) {
	cfg := testConfig()
	cfg.EthernetBudget = 2
	l := newLink(t, cfg)
	for i := range 5 {
		l.in.devices = append(l.in.devices, &device{id: numberedID(i), name: fmt.Sprint("D", i), ethernet: fmt.Sprintf("001CB30000%02d", i), state: "compliant"})
	}
	k := keys(mac("00:1c:b3:00:00:04"))
	for i, want := range []string{"none", "none", "D4 compliant by mac"} {
		l.Enqueue(client1, k)
		l.h.Advance(time.Second)
		if got := l.state(k...); got != want {
			t.Errorf("round %d: %s, want %s", i, got, want)
		}
		if n := l.h.requested("/managedDevices/"); n > 3 {
			t.Errorf("round %d: %d devices were read", i, n)
		}
	}
}

// facts 6.5: stale twins
func TestTwins(t *testing.T) {
	old, young := start.Add(-48*time.Hour), start.Add(-time.Hour)
	cases := []struct {
		name string
		twin [2]device
		keys []identity.Key
		want string
	}{
		{"agreeing, the newest", [2]device{{name: "A", state: "compliant", sync: young}, {name: "A", state: "compliant", sync: old}}, keys(cn("A")), "1 compliant false"},
		{"disagreeing fails closed", [2]device{{name: "A", state: "compliant", sync: young}, {name: "A", state: "noncompliant", sync: old}}, keys(cn("A")), "1 noncompliant true"},
		{"managed before newest", [2]device{{name: "A", state: "compliant", sync: old}, {name: "A", state: "noncompliant", sync: young, management: "retirePending"}}, keys(cn("A")), "1 compliant false"},
		{"none managed", [2]device{{name: "A", state: "noncompliant", sync: young, management: "wipePending"}, {name: "A", state: "noncompliant", sync: old, management: "unhealthy"}}, keys(cn("A")), "2 noncompliant false"},
		{"a wipe that was taken back", [2]device{{name: "A", state: "compliant", sync: young, management: "wipeCanceled"}, {name: "A", state: "noncompliant", sync: old, management: "unhealthy"}}, keys(cn("A")), "1 compliant false"},
		{"a dock's address on two devices: the certificate tells", [2]device{{name: "A", wifi: wifi1, state: "compliant", sync: old}, {name: "B", wifi: wifi1, state: "noncompliant", sync: young}}, keys(mac(client1), cn("A")), "1 compliant false"},
		{"and without a certificate fails closed", [2]device{{name: "A", wifi: wifi1, state: "noncompliant", sync: old}, {name: "B", wifi: wifi1, state: "compliant", sync: young}}, keys(mac(client1)), "2 noncompliant true"},
	}
	for _, c := range cases {
		c.twin[0].id, c.twin[1].id = numberedID(1), numberedID(2)
		l := newLink(t, testConfig(), &c.twin[0], &c.twin[1])
		l.Enqueue(client1, c.keys)
		l.h.Advance(time.Second)
		r, _, _ := l.State(c.keys)
		if got := fmt.Sprintf("%s %s %t", strings.TrimLeft(r.ID[24:], "0"), r.ComplianceState, r.Conflict); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if err := l.poll1(); err != nil {
			t.Fatal(err)
		}
		after, _, _ := l.State(c.keys)
		if after.ID != r.ID || after.ComplianceState != r.ComplianceState {
			t.Errorf("%s: after a poll %+v, before %+v", c.name, after, r)
		}
	}
}

func (l *link) poll1() (err error) {
	l.t.Helper()
	l.h.Do(func() { err = l.Poll() })
	return err
}

func TestRetryUntilAnswered(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "LAPTOP-1", state: "compliant"})
	down := true
	l.in.answer = func(r *http.Request) *http.Response {
		if down && r.URL.Host == "graph.microsoft.com" {
			return reply(503, map[string]any{"error": map[string]string{"code": "serviceNotAvailable", "message": "busy"}})
		}
		return nil
	}
	k := keys(cn("LAPTOP-1"))
	l.Enqueue(client1, k)
	l.h.Advance(time.Hour)
	// 5, 10, 20, … s with up to a fifth more, then every 5 to 6 min: 6 attempts in 155 to 186 s and 10 to 12 after.
	if n := len(l.obs.lookups); n < 15 || n > 19 {
		t.Errorf("%d attempts within an hour", n)
	}
	delay := time.Duration(0)
	for i, done := range l.obs.lookups {
		want := min(5*time.Second<<i, 5*time.Minute)
		if i > 10 {
			want = 5 * time.Minute
		}
		if done.Err == nil || done.RetryIn < want || done.RetryIn > want*6/5 {
			t.Errorf("attempt %d: %v, again in %v, want %v", i, done.Err, done.RetryIn, want)
		}
		delay = done.RetryIn
	}
	if l.h.Traced("lookup", "result=error", "error=device by name: 503 serviceNotAvailable: busy", "key=cn", "value=LAPTOP-1") != len(l.obs.lookups) {
		t.Errorf("traces %q", l.h.Lines[0])
	}
	if err := l.Status().LastError; err == nil {
		t.Error("the status shows no error")
	}
	down = false
	l.h.Advance(delay)
	if got := l.state(k...); got != "LAPTOP-1 compliant by cn" {
		t.Error(got)
	}
	if st := l.Status(); st.LastError == nil || st.Health != Healthy || st.Clients != 1 || st.Devices != 1 || st.LastLookup.IsZero() {
		t.Errorf("status %+v", st)
	}
	if done := l.obs.lookup(t); done.Took < time.Hour {
		t.Errorf("the lookup took %v", done.Took)
	}
}

func TestForgetEndsRetries(t *testing.T) {
	l := newLink(t, testConfig())
	l.in.answer = func(*http.Request) *http.Response { return reply(500, "") }
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(time.Minute)
	n := len(l.obs.lookups)
	l.Forget(client1)
	l.Forget("unknown")
	l.h.Advance(time.Hour)
	if len(l.obs.lookups) != n {
		t.Errorf("%d attempts after Forget", len(l.obs.lookups)-n)
	}
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(time.Second)
	if len(l.obs.lookups) != n+1 {
		t.Error("no lookup after the client came back")
	}
}

func TestForgetWhileAsking(t *testing.T) {
	l := newLink(t, testConfig())
	l.in.answer = func(*http.Request) *http.Response { return reply(500, "") }
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(500 * time.Microsecond)
	l.Forget(client1)
	l.h.Advance(time.Hour)
	if len(l.obs.lookups) != 1 || l.obs.lookup(t).RetryIn != 0 {
		t.Errorf("%+v", l.obs.lookups)
	}
}

// What is not in the DDB has not been answered yet, or could not be asked for, or is not enrolled.
func TestUnknown(t *testing.T) {
	const yet, no, failed = "Intune has not answered yet", "Intune has no such device", "Intune could not be asked"
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A"})
	k := keys(cn("X"))
	want := func(when, name string, k []identity.Key, want string) {
		t.Helper()
		if got, notFound := l.Unknown(name, k); got != want || notFound != (want == no) {
			t.Errorf("%s: %q, %t, want %q", when, got, notFound, want)
		}
	}
	want("never asked", client1, k, yet)
	l.in.answer = func(*http.Request) *http.Response { return reply(500, "") }
	l.Enqueue(client1, k)
	want("before the answer", client1, k, yet)
	l.h.Advance(time.Second)
	want("after a failure", client1, k, failed)
	l.in.answer = nil
	l.h.Advance(time.Minute)
	want("not enrolled", client1, k, no)
	want("other keys", client1, keys(cn("Y")), yet)
	want("another client", "other", k, yet)
	l.restart(testConfig())
	want("after a restart", client1, k, no)
	l.Enqueue("other", k)
	l.h.Advance(500 * time.Microsecond)
	l.Forget("other")
	want("gone before the answer", "other", k, yet)
}

// A client that comes back while the lookup that was forgotten still runs has one again, with the same keys and with
// others.
func TestBackWhileAsking(t *testing.T) {
	for _, name := range []string{"A", "B"} {
		l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A"}, &device{id: numberedID(2), name: "B"})
		broken := true
		l.in.answer = func(*http.Request) *http.Response {
			if broken {
				return reply(500, "")
			}
			return nil
		}
		l.Enqueue(client1, keys(cn("A")))
		l.h.Advance(500 * time.Microsecond)
		l.Forget(client1)
		l.Enqueue(client1, keys(cn(name)))
		l.h.Advance(time.Second)
		broken = false
		l.h.Advance(time.Minute)
		if got := l.obs.lookup(t); !got.Found || got.Record.DeviceName != name {
			t.Errorf("back as %s: %+v", name, l.obs.lookups)
		}
	}
}

// What was found with other keys answers nothing.
func TestNewKeysAfterForget(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A", wifi: wifi1, state: "compliant"}, &device{id: numberedID(2), name: "B", state: "noncompliant"})
	l.Enqueue("other", keys(cn("B")))
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(time.Second)
	k := keys(mac(client1), cn("B"))
	l.Enqueue(client1, k)
	l.Forget(client1)
	l.Enqueue(client1, k)
	l.h.Advance(time.Second)
	if got := l.obs.lookup(t); len(l.obs.lookups) != 3 || got.Record.DeviceName != "A" || got.Key.Kind != identity.MAC {
		t.Errorf("%+v", l.obs.lookups)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A"})
	n := 0
	l.in.answer = func(r *http.Request) *http.Response {
		if n++; n == 2 {
			return reply(429, map[string]any{"error": map[string]string{"code": "TooManyRequests"}}, "Retry-After", "90.5")
		}
		return nil
	}
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(90 * time.Second)
	if done := l.obs.lookup(t); len(l.obs.lookups) != 1 || done.RetryIn < 90500*time.Millisecond || done.RetryIn > 109*time.Second {
		t.Errorf("%+v", done)
	}
	l.h.Advance(20 * time.Second)
	if !l.obs.lookup(t).Found {
		t.Error("not found after Retry-After")
	}
}

// 401 renews the token once and then is an error.
func TestTokenRenewal(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A", state: "compliant"})
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(time.Second)
	l.in.tokens++ // the one that the NAC holds is no good any more
	l.Enqueue("other", keys(cn("A")))
	l.h.Advance(time.Second)
	if !l.obs.lookup(t).Found || l.in.tokens != 3 {
		t.Errorf("%+v, %d tokens", l.obs.lookup(t), l.in.tokens)
	}
	l.in.answer = func(r *http.Request) *http.Response {
		if r.Method == http.MethodGet {
			return reply(401, "")
		}
		return nil
	}
	l.h.requests = nil
	l.Enqueue("third", keys(cn("A")))
	l.h.Advance(time.Second)
	var e *Error
	if err := l.obs.lookup(t).Err; !errors.As(err, &e) || e.Status != 401 || len(l.h.requests) != 3 {
		t.Errorf("%v after %q", err, l.h.requests)
	}
}

func TestTokenIsReplacedBeforeItsEnd(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A"})
	ask := func() int {
		l.Enqueue(fmt.Sprint("client", l.h.Now().UnixNano()), keys(cn("A")))
		l.h.Advance(time.Second)
		return l.in.tokens
	}
	if n := ask(); n != 1 {
		t.Errorf("%d tokens", n)
	}
	l.h.Advance(3599*time.Second - renewBefore - 2*time.Second)
	if n := ask(); n != 1 {
		t.Errorf("%d tokens more than five minutes before the end", n)
	}
	if n := ask(); n != 2 {
		t.Errorf("%d tokens five minutes before the end", n)
	}
}

// Entra's refusals reach the trace in words.
func TestWrongSecret(t *testing.T) {
	l := newLink(t, testConfig())
	l.in.answer = func(*http.Request) *http.Response {
		return reply(401, map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided. Trace ID: x Correlation ID: y"}, "request-id", "r1")
	}
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(time.Second)
	if err := l.obs.lookup(t).Err; err == nil || err.Error() != "token: 401 invalid_client: AADSTS7000215: Invalid client secret provided. (request r1)" {
		t.Error(err)
	}
}

func TestPagesAreFollowedWithCare(t *testing.T) {
	var pages []any
	l := newLink(t, testConfig())
	n := 0
	l.in.answer = func(r *http.Request) *http.Response {
		if r.Method != http.MethodGet || strings.Contains(r.URL.Path, "/managedDevices/") || n == len(pages) {
			return nil
		}
		n++
		if p, ok := pages[n-1].(*http.Response); ok {
			return p
		}
		return reply(200, pages[n-1])
	}
	page := func(next string, ids ...int) map[string]any {
		rows := []map[string]any{}
		for _, id := range ids {
			rows = append(rows, (&device{id: numberedID(id), name: fmt.Sprint("D", id)}).json(true))
		}
		p := map[string]any{"value": rows}
		if next != "" {
			p["@odata.nextLink"] = next
		}
		return p
	}
	const own = "https://graph.microsoft.com:443/v1.0/x?p="
	cases := []struct {
		name  string
		pages []any
		want  string // the error, or the number of devices
	}{
		{"duplicates count once", []any{page(own+"2", 1, 2), page(own+"3", 2, 3), page("")}, "3"},
		{"an empty page in between", []any{page(own + "2"), page("", 1)}, "1"},
		{"a busy page is asked for again", []any{page(own+"2", 1), reply(504, ""), reply(429, "", "Retry-After", "1"), page("", 2)}, "2"},
		{"three times at most", []any{page(own+"2", 1), reply(504, ""), reply(503, ""), reply(503, "")}, "list of devices: 503"},
		{"the first page is not", []any{reply(504, "")}, "list of devices: 504"},
		{"foreign origin", []any{page("https://evil.example/v1.0/x")}, "outside of https://graph.microsoft.com"},
		{"foreign port", []any{page("https://graph.microsoft.com:8443/v1.0/x")}, "outside of"},
		{"plain HTTP", []any{page("http://graph.microsoft.com/v1.0/x")}, "outside of"},
		{"user in the address", []any{page("https://graph.microsoft.com@evil.example/")}, "outside of"},
		{"a host that is equal but for case of letters outside of ASCII", []any{page("https://graph.micro\u017foft.com/")}, "outside of"},
		{"a user in the address of the own host", []any{page("https://x@graph.microsoft.com/")}, "outside of"},
		{"an address without end", []any{page(own + strings.Repeat("2", maxLink))}, "the address of the next page has"},
		{"a loop", []any{page(own + "2"), page(own + "2"), page(own + "2")}, "leads back"},
		{"no value", []any{map[string]any{}}, "the reply has no value"},
		{"a proxy's page", []any{"<html>"}, "list of devices: JSON has '<' at octet 0, want an object"},
		{"a page cut off is asked for again", []any{page(own+"2", 1), `{"value":[{"id":"`, page("", 2)}, "2"},
		{"a forgotten page: from the start", []any{page(own+"2", 1, 2), reply(410, ""), page(own+"2", 3), page("", 4)}, "2"},
		{"but once", []any{page(own+"2", 1), reply(400, ""), page(own+"2", 3), reply(410, "")}, "list of devices: 410"},
		{"two values", []any{`{"value":[],"value":[]}`}, "two values"},
		{"a link that is none", []any{`{"value":[],"@odata.nextLink":5}`}, "want a string"},
		{"a link that is null", []any{`{"value":[],"@odata.nextLink":null}`}, "0"},
		{"a wrong count", []any{`{"@odata.count":77,"value":[null,5,{"id":"` + numberedID(1) + `","id":"` + numberedID(2) + `"}]}`}, "1"},
		{"a row without an id", []any{map[string]any{"value": []any{map[string]any{"deviceName": "x"}, (&device{id: numberedID(1)}).json(true)}}}, "1"},
	}
	for _, c := range cases {
		n, pages = 0, c.pages
		var devices []indexed
		var err error
		l.h.Do(func() {
			err = l.graph.all(func(rows []row, _ bool) error {
				devices = appendIndexed(devices, rows, start)
				return nil
			}, func() { devices = nil })
		})
		got := fmt.Sprint(len(newTable(devices).devices))
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	l.cfg.MaxPages = 2
	n, pages = 0, []any{page(own + "2"), page(own + "3"), page("")}
	var err error
	l.h.Do(func() { err = l.graph.all(func([]row, bool) error { return nil }, func() {}) })
	if err == nil || !strings.Contains(err.Error(), "more than 2 pages") {
		t.Error(err)
	}
}

func TestLookupSurvivesCrash(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A", state: "compliant"})
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(500 * time.Microsecond)
	l.restart(testConfig())
	l.h.Advance(time.Second)
	if !l.obs.lookup(t).Found {
		t.Error("the lookup did not go on after the restart")
	}
	l.restart(testConfig())
	if got := l.state(cn("a")); got != "A compliant by cn" {
		t.Errorf("after another restart: %s", got)
	}
	l.h.requests = nil
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(time.Second)
	if len(l.h.requests) != 0 || len(l.obs.lookups) != 0 {
		t.Errorf("a fresh record was looked up again after a restart: %q", l.h.requests)
	}
}

func TestKeysChangeWhileAsking(t *testing.T) {
	l := newLink(t, testConfig(), &device{id: numberedID(1), name: "A", state: "compliant"}, &device{id: numberedID(2), name: "B", state: "compliant"})
	l.Enqueue(client1, keys(cn("A")))
	l.h.Advance(500 * time.Microsecond)
	l.Enqueue(client1, keys(cn("B")))
	l.h.Advance(time.Second)
	if len(l.obs.lookups) != 1 || l.obs.lookup(t).Record.DeviceName != "B" {
		t.Errorf("%+v", l.obs.lookups)
	}
}

// A device that was renamed is not found under its old name any more.
func TestStaleRecordsGo(t *testing.T) {
	cfg := testConfig()
	cfg.FreshFor = time.Minute
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A", wifi: wifi1, state: "compliant"}, &device{id: numberedID(2), name: "GONE", state: "compliant"})
	l.Enqueue(client1, keys(cn("A")))
	l.Enqueue("other", keys(cn("GONE")))
	l.h.Advance(time.Second)
	l.in.device("A").name = "NEW"
	l.in.remove("GONE")
	l.h.Advance(2 * time.Minute)
	l.Enqueue(client1, keys(cn("A")))
	l.Enqueue("other", keys(cn("GONE")))
	l.h.Advance(time.Second)
	if a, gone := l.state(cn("A")), l.state(cn("GONE")); a != "none" || gone != "none" {
		t.Errorf("%s, %s", a, gone)
	}
	last := l.obs.changes[len(l.obs.changes)-1]
	if !last.Gone || last.Record.DeviceName != "GONE" || !slices.Equal(last.Clients, []string{"other"}) {
		t.Errorf("%+v", last)
	}
	if l.h.Traced("ddb", "device=GONE", "compliance=none", "was=compliant") != 1 {
		t.Errorf("traces %q", l.h.Lines)
	}
}

func TestLimits(t *testing.T) {
	cfg := testConfig()
	cfg.MaxClients, cfg.MaxDevices = 2, 1
	l := newLink(t, cfg, &device{id: numberedID(1), name: "A"}, &device{id: numberedID(2), name: "B"})
	for _, name := range []string{"A", "B", "C"} {
		l.Enqueue("client-"+name, keys(cn(name)))
		l.h.Advance(time.Second)
	}
	if st := l.Status(); st.Clients != 2 || st.Devices != 1 {
		t.Errorf("%+v", st)
	}
	if l.h.Traced("drop", "from=B", "reason=the device database is full") != 1 {
		t.Errorf("traces %q", l.h.Lines)
	}
	var k []identity.Key
	for i := range 50 {
		k = append(k, cn(fmt.Sprint("X", i)))
	}
	l.h.requests = nil
	l.Enqueue("client-X", k)
	l.h.Advance(time.Second)
	if n := l.h.requested("$filter"); n != maxClientKeys {
		t.Errorf("%d requests for 50 keys", n)
	}
	l.Enqueue("", k)
	l.Enqueue("x", nil)
	l.h.Advance(time.Second)
	if len(l.h.requests) != 0 {
		t.Errorf("requests without a client or keys: %q", l.h.requests)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for want, change := range map[string]func(*Config){
		`tenant "a/b" is neither`:              func(c *Config) { c.Tenant = "a/b" },
		`tenant "common" stands for many`:      func(c *Config) { c.Tenant = "common" },
		"no client id":                         func(c *Config) { c.ClientID = "" },
		"no client secret":                     func(c *Config) { c.ClientSecret = "" },
		`address "http://graph.microsoft.com"`: func(c *Config) { c.Graph = "http://graph.microsoft.com" },
		`address "x"`:                          func(c *Config) { c.Authority = "x" },
		"shorter than a millisecond":           func(c *Config) { c.PollInterval = -1 },
	} {
		cfg := testConfig()
		change(&cfg)
		if _, err := New(newMachine(t), cfg, &observations{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := New(newMachine(t), testConfig(), nil); err == nil {
		t.Error("New without an observer succeeded")
	}
	h := newMachine(t)
	store, _ := h.Store("mdm")
	for _, key := range []string{keyDevice + "x", keyClient + "x", keyPoll, keyListed, keyLink} {
		_ = store.Put(key, []byte("{"))
		if _, err := New(h, testConfig(), &observations{}); err == nil {
			t.Errorf("New with a broken %s succeeded", key)
		}
		_ = store.Delete(key)
	}
	h.Crash()
	if _, err := New(h, testConfig(), &observations{}); !errors.Is(err, host.ErrDown) {
		t.Error(err)
	}
}

// During an outage clients do not ask for the same list one after the other.
func TestFailedListIsShared(t *testing.T) {
	l := newLink(t, testConfig())
	l.in.answer = func(r *http.Request) *http.Response {
		if r.Method == http.MethodGet {
			return reply(503, "")
		}
		return nil
	}
	for i := range 50 {
		l.Enqueue(fmt.Sprint("client", i), keys(mac(fmt.Sprintf("00:1c:b3:00:00:%02d", i))))
	}
	l.h.Advance(4 * time.Second)
	if lists := l.h.requested("managedDevices"); lists != 1 || len(l.obs.lookups) != 50 {
		t.Errorf("%d lists for %d failed lookups, want 1 for 50", lists, len(l.obs.lookups))
	}
	l.in.answer = nil
	l.h.Advance(10 * time.Second)
	for _, done := range l.obs.lookups[50:] {
		if done.Err != nil {
			t.Errorf("after the outage: %v", done.Err)
		}
	}
	if len(l.obs.lookups) != 100 {
		t.Errorf("%d lookups, want 100", len(l.obs.lookups))
	}
}

// Who floods the NAC with clients while Intune does not answer fills no queue: those that were forgotten leave it.
func TestQueueIsBounded(t *testing.T) {
	cfg := testConfig()
	cfg.MaxClients, cfg.Workers = 8, 1
	l := newLink(t, cfg)
	l.h.latency = time.Hour
	for i := range 1000 {
		l.Enqueue(fmt.Sprint("client ", i), keys(cn(fmt.Sprint("A", i))))
	}
	if n := len(l.queue); n > 2*cfg.MaxClients+1 {
		t.Errorf("%d wait in the queue, for %d clients", n, cfg.MaxClients)
	}
}
