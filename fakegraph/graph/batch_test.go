package graph_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"nacsim/fakegraph"
	"nacsim/fakegraph/fakegraphtest"
	"nacsim/fakegraph/graph"
)

type batchReply struct {
	Status  int
	Headers map[string]string
	Body    json.RawMessage
}

// batch sends requests, as JSON objects, and returns the replies by id.
func batch(t *testing.T, s *fakegraph.Server, requests ...string) map[string]batchReply {
	t.Helper()
	var reply struct {
		Responses []struct {
			ID string
			batchReply
		}
	}
	call(t, s, "POST", "$batch", `{"requests":[`+strings.Join(requests, ",")+`]}`, 200, &reply, "Content-Type", "application/json")
	byID := map[string]batchReply{}
	for _, r := range reply.Responses {
		byID[r.ID] = r.batchReply
	}
	if len(byID) != len(requests) {
		t.Fatalf("%d replies to %d requests", len(byID), len(requests))
	}
	return byID
}

// facts 2.4
func TestBatch(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	device := fakegraphtest.NumberedID(3)
	replies := batch(t, s,
		`{"id":"1","method":"GET","url":"/deviceManagement/managedDevices/`+device+`?$select=ethernetMacAddress"}`,
		`{"id":"2","method":"get","url":"deviceManagement/managedDevices?$top=1&$select=id"}`,
		`{"id":"three","method":"GET","url":"/users/nobody@contoso.example","headers":{"client-request-id":"mine"}}`,
		`{"id":"4","method":"GET","url":"/groups","dependsOn":["THREE"],"body":null}`,
		`{"id":"5","method":"GET","url":"/groups","dependsOn":["1"],"headers":{"accept":"application/json"},"body":null}`,
		`{"id":"6","method":"POST","url":"/users/dave@contoso.example/getMemberGroups","body":{"securityEnabledOnly":false},"headers":{"Content-Type":"application/json"}}`,
		`{"id":"7","method":"POST","url":"/users/dave@contoso.example/getMemberGroups","body":{"securityEnabledOnly":false}}`,
		`{"id":"8","method":"GET","url":"https://graph.microsoft.com/v1.0/groups"}`,
		`{"id":"9","method":"POST","url":"/$batch","body":{},"headers":{"Content-Type":"application/json"}}`,
		`{"id":"10","method":"GET","url":"/nowhere"}`,
	)
	for id, want := range map[string]int{"1": 200, "2": 200, "three": 404, "4": 424, "5": 200, "6": 200, "7": 400, "8": 400, "9": 400, "10": 400} {
		if got := replies[id]; got.Status != want {
			t.Errorf("request %s: %d %s, want %d", id, got.Status, got.Body, want)
		}
	}
	if body := string(replies["1"].Body); !strings.Contains(body, `"ethernetMacAddress":"001CB3098516"`) {
		t.Error(body)
	}
	var l listReply
	if err := json.Unmarshal(replies["2"].Body, &l); err != nil || !strings.HasPrefix(l.NextLink, base+"deviceManagement/managedDevices?$top=1&$select=id&$skiptoken=") {
		t.Errorf("%v, next %s", err, l.NextLink)
	}
	fakegraphtest.GetJSON(t, s, l.NextLink, 200, &l)
	var e fakegraphtest.GraphError
	if err := json.Unmarshal(replies["three"].Body, &e); err != nil || e.Error.InnerError["client-request-id"] != "mine" {
		t.Errorf("%v %+v", err, e)
	}
	if h := replies["2"].Headers["Content-Type"]; !strings.HasPrefix(h, "application/json") {
		t.Errorf("%v", replies["2"].Headers)
	}
}

// Each request in a batch counts, and each is throttled alone.
func TestBatchThrottled(t *testing.T) {
	cfg := tenant()
	cfg.Graph.Throttling = graph.Throttling{App: 2, RetryAfter: graph.RetryAfterSeconds}
	s, _ := fakegraphtest.New(t, cfg)
	var requests []string
	for i := range 4 {
		requests = append(requests, fmt.Sprintf(`{"id":"%d","method":"GET","url":"/deviceManagement/managedDevices"}`, i))
	}
	count := map[int]int{}
	for _, r := range batch(t, s, requests...) {
		count[r.Status]++
		if r.Status == 429 && r.Headers["Retry-After"] != "20" {
			t.Errorf("%+v", r)
		}
	}
	if count[200] != 2 || count[429] != 2 {
		t.Errorf("%v", count)
	}
}

func TestBatchRefused(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	item := `{"id":"%s","method":"GET","url":"/groups"}`
	for body, want := range map[string]string{
		``: "Invalid batch payload format.", `[]`: "Invalid batch payload format.", `{}`: "no requests",
		`{"requests":[{"method":"GET","url":"/"}]}`: "has no id", `{"requests":[{"id":"1","url":"/"}]}`: "must have a method and a url",
		`{"requests":[` + fmt.Sprintf(item, "a") + `,` + fmt.Sprintf(item, "A") + `]}`:                   "not unique",
		`{"requests":[` + strings.Repeat(fmt.Sprintf(item, "a")+`,`, 20) + fmt.Sprintf(item, "a") + `]}`: "maximum value of 20",
		`{"requests":[{"id":"1","method":"GET","url":"/groups","dependsOn":["2"]}]}`:                     "which is not in the batch",
		`{"requests":[{"id":"1","method":"GET","url":"/groups","dependsOn":["1"]}]}`:                     "circular",
	} {
		var e fakegraphtest.GraphError
		call(t, s, "POST", "$batch", body, 400, &e)
		if e.Error.Code != "BadRequest" || !strings.Contains(e.Error.Message, want) {
			t.Errorf("%s: %+v, want %q", body, e, want)
		}
	}
	w := fakegraphtest.Post(s, base+"$batch", "application/json", `{}`, nil)
	fakegraphtest.Decode(t, w, 401, nil)
}

// Microsoft's Go client sends batches compressed (facts 2.4), and again plain when that is refused.
func TestCompressedBodies(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(`{"requests":[{"id":"1","method":"GET","url":"/groups"}]}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	call(t, s, "POST", "$batch", b.String(), 200, nil, "Content-Encoding", "gzip")
	call(t, s, "POST", "$batch", "{}", 400, nil, "Content-Encoding", "gzip")
	call(t, s, "POST", "$batch", "{}", 415, nil, "Content-Encoding", "br")
	call(t, s, "POST", "$batch", strings.Repeat(" ", 4<<20)+"{}", 413, nil)
}

func TestCompressedReplies(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	for accept, want := range map[string]string{"": "", "gzip": "gzip", "br, GZIP;q=0.5": "gzip", "gzip;q=0": "", "identity": ""} {
		w := fakegraphtest.Get(s, fakegraphtest.ListURL, map[string][]string{"Authorization": {"Bearer " + fakegraphtest.Token(t, s)}, "Accept-Encoding": {accept}})
		if got := w.Header().Get("Content-Encoding"); got != want || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v, want %q", accept, w.Header(), want)
		}
		if want == "" {
			continue
		}
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		var l listReply
		if err := json.NewDecoder(z).Decode(&l); err != nil || l.Count != 5 {
			t.Errorf("%v, %+v", err, l)
		}
	}
}

// A batch with far too many requests, or dependencies, is refused before memory or time is spent on them.
func TestBatchOfTooMany(t *testing.T) {
	s, _ := fakegraphtest.New(t, tenant())
	many := strings.Repeat(`{"id":"x","method":"GET","url":"/groups"},`, 20)
	for body, want := range map[string]string{
		`{"requests":[` + many + `{}]}`: "exceeds the maximum value of 20",
		`{"requests":[{"id":"x","method":"GET","url":"/groups","dependsOn":["x"` + strings.Repeat(`,"x"`, 1000) + `]}]}`: "depends on more requests",
		`{"requests":{}}`: "Invalid batch payload", `{"requests":null}`: "no requests", `{"requests":[5]}`: "Invalid batch payload",
	} {
		var reply struct{ Error struct{ Message string } }
		call(t, s, "POST", "$batch", body, 400, &reply, "Content-Type", "application/json")
		if !strings.Contains(reply.Error.Message, want) {
			t.Errorf("%.60s: %s, want %s", body, reply.Error.Message, want)
		}
	}
}

func FuzzBatch(f *testing.F) {
	cfg := tenant()
	cfg.Graph.Throttling = graph.Throttling{App: -1, Tenant: -1, AppWrites: -1, TenantWrites: -1}
	s, _ := fakegraphtest.New(f, cfg)
	bearer := map[string][]string{"Authorization": {"Bearer " + fakegraphtest.Token(f, s)}}
	f.Add(`{"requests":[{"id":"1","method":"GET","url":"/groups"},{"id":"2","method":"GET","url":"/users('x')","dependsOn":["1"]}]}`)
	f.Add(`{"requests":[{"id":"1","method":"POST","url":"//$batch?%","headers":{"A":"b"},"body":[1]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		w := fakegraphtest.Post(s, base+"$batch", "application/json", body, bearer)
		if !json.Valid(w.Body.Bytes()) || w.Code != 200 && w.Code != 400 && w.Code != 413 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
