package mdm

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nacsim/nac/identity"
)

// intune is the least Graph that the NAC can talk to.
type intune struct {
	t       *testing.T
	devices []*device
	page    int
	// tokens counts the tokens issued; the latest is valid.
	tokens int
	// answer, when not nil, may answer a request instead.
	answer func(*http.Request) *http.Response
	// ignoreFilter sends every device whatever is asked for.
	ignoreFilter bool
	// batches counts those answered; inBatch, when not nil, may answer a request in one instead.
	batches int
	inBatch func(url string) *http.Response
}

// A device of the fake. The Ethernet address is null in lists.
type device struct {
	id, name, wifi, ethernet string
	entra                    string
	state                    string
	management               string
	sync                     time.Time
}

func (d *device) json(list bool) map[string]any {
	m := map[string]any{"id": d.id, "deviceName": d.name, "wiFiMacAddress": d.wifi, "complianceState": d.state,
		"managementState": d.management, "lastSyncDateTime": d.sync.Format(time.RFC3339), "ethernetMacAddress": d.ethernet, "model": nil, "azureADDeviceId": d.entra}
	if d.management == "" {
		m["managementState"] = "managed"
	}
	if list {
		m["ethernetMacAddress"] = nil
	}
	return m
}

func reply(status int, body any, header ...string) *http.Response {
	text, ok := body.(string)
	if !ok {
		b, _ := json.Marshal(body)
		text = string(b)
	}
	r := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func (in *intune) serve(r *http.Request) (*http.Response, error) {
	if in.answer != nil {
		if a := in.answer(r); a != nil {
			return a, nil
		}
	}
	if r.URL.Host == "login.microsoftonline.com" {
		_ = r.ParseForm()
		if r.URL.Path != "/tenant/oauth2/v2.0/token" || r.PostForm.Get("client_id") != "client" || r.PostForm.Get("client_secret") != "secret" ||
			r.PostForm.Get("scope") != "https://graph.microsoft.com/.default" || r.PostForm.Get("grant_type") != "client_credentials" {
			in.t.Errorf("token request %v %v", r.URL, r.PostForm)
		}
		in.tokens++
		return reply(200, map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": in.token()}), nil
	}
	if r.Header.Get("Authorization") != "Bearer "+in.token() {
		return reply(401, map[string]any{"error": map[string]string{"code": "InvalidAuthenticationToken"}}), nil
	}
	if r.URL.Path == "/v1.0/$batch" && r.Method == http.MethodPost {
		return in.batch(r), nil
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/v1.0/deviceManagement/managedDevices")
	if !ok || r.URL.Host != "graph.microsoft.com" {
		in.t.Errorf("request for %v", r.URL)
	}
	if id := strings.TrimPrefix(path, "/"); id != "" {
		return in.single(id), nil
	}
	return in.list(r), nil
}

func (in *intune) token() string { return "token-" + strconv.Itoa(in.tokens) }

func (in *intune) single(id string) *http.Response {
	for _, d := range in.devices {
		if d.id == id {
			return reply(200, d.json(false))
		}
	}
	return reply(404, map[string]any{"error": map[string]string{"code": "ResourceNotFound", "message": "x"}})
}

func (in *intune) list(r *http.Request) *http.Response {
	query := r.URL.Query()
	filter := query.Get("$filter")
	name, byName := strings.CutPrefix(filter, "deviceName eq '")
	name = strings.ReplaceAll(strings.TrimSuffix(name, "'"), "''", "'")
	entra, byEntra := strings.CutPrefix(filter, "azureADDeviceId eq '")
	entra = strings.TrimSuffix(entra, "'")
	if filter != "" && !byName && !byEntra {
		in.t.Errorf("a filter that Intune ignores: %s", filter)
	}
	var rows []map[string]any
	for _, d := range in.devices {
		if in.ignoreFilter || !byName && !byEntra || byName && strings.EqualFold(d.name, name) || byEntra && strings.EqualFold(d.entra, entra) {
			rows = append(rows, d.json(true))
		}
	}
	from, _ := strconv.Atoi(query.Get("$skiptoken"))
	page := map[string]any{"value": []any{}}
	if in.page > 0 && from+in.page < len(rows) {
		query.Set("$skiptoken", strconv.Itoa(from+in.page))
		page["@odata.nextLink"] = "https://graph.microsoft.com" + r.URL.Path + "?" + query.Encode()
		rows = rows[:from+in.page]
	}
	if len(rows) > 0 {
		page["value"] = rows[min(from, len(rows)):]
	}
	return reply(200, page)
}

// batch answers the requests of a batch, the last one first (facts: graph-and-entra 2.4).
func (in *intune) batch(r *http.Request) *http.Response {
	in.batches++
	var ask struct {
		Requests []struct{ ID, Method, URL string }
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || len(ask.Requests) > 20 {
		in.t.Errorf("batch of %d: %v", len(ask.Requests), err)
	}
	responses := []any{}
	for _, q := range slices.Backward(ask.Requests) {
		path, _, _ := strings.Cut(q.URL, "?")
		var answer *http.Response
		if in.inBatch != nil {
			answer = in.inBatch(path)
		}
		if answer == nil {
			answer = in.single(strings.TrimPrefix(path, "/deviceManagement/managedDevices/"))
		}
		body, _ := io.ReadAll(answer.Body)
		item := map[string]any{"id": q.ID, "status": answer.StatusCode, "body": json.RawMessage(body)}
		if after := answer.Header.Get("Retry-After"); after != "" {
			item["headers"] = map[string]string{"retry-after": after}
		}
		responses = append(responses, item)
	}
	return reply(200, map[string]any{"responses": responses})
}

func (in *intune) device(name string) *device {
	for _, d := range in.devices {
		if d.name == name {
			return d
		}
	}
	in.t.Fatalf("no device %q", name)
	return nil
}

func (in *intune) remove(name string) {
	d := in.device(name)
	var rest []*device
	for _, other := range in.devices {
		if other != d {
			rest = append(rest, other)
		}
	}
	in.devices = rest
}

// numberedID is a readable GUID.
func numberedID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// observations is an Observer that remembers.
type observations struct {
	changes []Change
	lookups []Lookup
	polls   []Poll
	// standings are the changes of standing without one of a record, as "cause: clients".
	standings []string
	links     []Status
}

func (o *observations) DeviceChanged(c Change) { o.changes = append(o.changes, c) }
func (o *observations) LookupDone(l Lookup)    { o.lookups = append(o.lookups, l) }
func (o *observations) PollDone(p Poll)        { o.polls = append(o.polls, p) }
func (o *observations) LinkChanged(s Status)   { o.links = append(o.links, s) }
func (o *observations) StandingChanged(clients []string, cause string) {
	o.standings = append(o.standings, cause+": "+strings.Join(clients, " "))
}

func (o *observations) lookup(t *testing.T) Lookup {
	t.Helper()
	if len(o.lookups) == 0 {
		t.Fatal("no lookup was reported")
	}
	return o.lookups[len(o.lookups)-1]
}

// A link is a Service with its world.
type link struct {
	*Service
	t   *testing.T
	h   *machine
	in  *intune
	obs *observations
}

func testConfig() Config { return Config{Tenant: "tenant", ClientID: "client", ClientSecret: "secret"} }

func newLink(t *testing.T, cfg Config, devices ...*device) *link {
	t.Helper()
	l := &link{t: t, h: newMachine(t), in: &intune{t: t, devices: devices}}
	l.h.serve = l.in.serve
	l.boot(cfg)
	return l
}

func (l *link) boot(cfg Config) {
	l.t.Helper()
	l.obs = &observations{}
	s, err := New(l.h, cfg, l.obs)
	if err != nil {
		l.t.Fatal(err)
	}
	l.Service = s
	s.Start()
}

func (l *link) restart(cfg Config) {
	l.t.Helper()
	l.h = l.h.restart()
	l.boot(cfg)
}

const (
	client1 = "00:1c:b3:09:85:15"
	wifi1   = "001CB3098515"
	wired1  = "001CB3098516"
)

func mac(s string) identity.Key             { return identity.Key{Kind: identity.MAC, Value: s} }
func cn(s string) identity.Key              { return identity.Key{Kind: identity.CN, Value: s} }
func san(n int) identity.Key                { return identity.Key{Kind: identity.SANDNS, Value: numberedID(n)} }
func keys(k ...identity.Key) []identity.Key { return k }

// state is what a decision would see: the name, the compliance and the kind of the key.
func (l *link) state(k ...identity.Key) string {
	r, key, ok := l.State(k)
	if !ok {
		return "none"
	}
	return r.DeviceName + " " + r.ComplianceState + " by " + string(key.Kind)
}
