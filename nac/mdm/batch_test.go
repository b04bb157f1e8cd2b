package mdm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wiredFleet is a link with n devices of which only the Ethernet address is known to Intune.
func wiredFleet(t *testing.T, n int) *link {
	t.Helper()
	l := newLink(t, testConfig())
	for i := range n {
		l.in.devices = append(l.in.devices, &device{id: numberedID(i + 1), name: fmt.Sprint("D", i), ethernet: fmt.Sprintf("001CB300%04d", i), state: "compliant"})
	}
	return l
}

// facts 1.3, 2.4: lists do not tell Ethernet addresses; they are read twenty devices at a time.
func TestEthernetAddressesInBatches(t *testing.T) {
	l := wiredFleet(t, 45)
	k := keys(mac("00:1c:b3:00:00:44"))
	l.Enqueue(client1, k)
	l.h.Advance(time.Second)
	if got := l.state(k...); got != "D44 compliant by mac" {
		t.Error(got)
	}
	// Two batches and a half, and the device itself to confirm it.
	if n := l.h.requested("$batch"); n != 3 || l.in.batches != 3 {
		t.Errorf("%d batches, want 3", n)
	}
	// Within EthernetReuse nothing is read again, for a device without an address neither.
	l.in.devices[0].ethernet = ""
	l.Enqueue("other", keys(mac("00:1c:b3:00:00:99")))
	l.h.Advance(time.Second)
	if n := l.h.requested("$batch"); n != 0 {
		t.Errorf("%d batches again", n)
	}
}

func TestBatchWithTroubles(t *testing.T) {
	const path = "/deviceManagement/managedDevices/"
	busy := 0
	cases := []struct {
		name    string
		inBatch func(url string) *http.Response
		batches int
		singles int // besides the one that confirms the device
		want    string
	}{
		{"two are throttled, and asked for again together", func(url string) *http.Response {
			if busy++; busy <= 4 && url != path+numberedID(1) && url != path+numberedID(4) {
				return reply(429, "{}", "Retry-After", "2")
			}
			return nil
		}, 2, 0, "D1 compliant by mac"},
		{"one is throttled, and asked for by itself", func(url string) *http.Response {
			if url == path+numberedID(2) {
				return reply(503, "{}")
			}
			return nil
		}, 1, 1, "D1 compliant by mac"}, // a batch of one is none
		{"one has gone", func(url string) *http.Response {
			if url == path+numberedID(1) {
				return reply(404, "{}")
			}
			return nil
		}, 1, 0, "D1 compliant by mac"},
		{"one is refused in the batch only", func(url string) *http.Response {
			if url == path+numberedID(2) {
				return reply(400, "{}")
			}
			return nil
		}, 1, 1, "D1 compliant by mac"},
		{"one is another device", func(url string) *http.Response {
			if url == path+numberedID(2) {
				return reply(200, (&device{id: numberedID(9), ethernet: "001CB3000001"}).json(false))
			}
			return nil
		}, 1, 1, "D1 compliant by mac"},
	}
	for _, c := range cases {
		l := wiredFleet(t, 4)
		busy = 0
		l.in.inBatch = c.inBatch
		k := keys(mac("00:1c:b3:00:00:01"))
		l.Enqueue(client1, k)
		l.h.Advance(10 * time.Second)
		singles := 0
		for _, r := range l.h.requests {
			if strings.Contains(r, "/managedDevices/") {
				singles++
			}
		}
		if got := l.state(k...); got != c.want || l.in.batches != c.batches || singles != c.singles+1 {
			t.Errorf("%s: %s after %d batches and %d devices, want %s, %d and %d\n%s", c.name, got, l.in.batches, singles, c.want, c.batches, c.singles+1,
				strings.Join(l.h.requests, "\n"))
		}
	}
}

// Where Graph takes no batches, devices are read one by one, and for an hour no batch is tried.
func TestWithoutBatches(t *testing.T) {
	for _, status := range []int{400, 404} {
		l := wiredFleet(t, 45)
		tried := 0
		l.in.answer = func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, "$batch") {
				tried++
				return reply(status, "{}")
			}
			return nil
		}
		k := keys(mac("00:1c:b3:00:00:44"))
		l.Enqueue(client1, k)
		l.h.Advance(time.Second)
		if got := l.state(k...); got != "D44 compliant by mac" || tried != 1 {
			t.Errorf("%d: %s after %d batches", status, got, tried)
		}
	}
}

// What a batch brings cannot make the next one longer, or take more memory than its text.
func TestBatchOfTooMany(t *testing.T) {
	item := func(n int) string { return `{"id":"` + strconv.Itoa(n) + `","status":429}` }
	l := newLink(t, testConfig())
	ids := []string{numberedID(1), numberedID(2)}
	asked := []int{}
	l.h.serve = func(r *http.Request) (*http.Response, error) {
		if r.URL.Path != "/v1.0/$batch" {
			return l.in.serve(r)
		}
		var ask struct{ Requests []batchRequest }
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
			t.Error(err)
		}
		asked = append(asked, len(ask.Requests))
		return reply(200, `{"responses":[`+strings.Join([]string{item(0), item(1), item(0), item(1), item(0)}, ",")+`]}`), nil
	}
	l.h.Do(func() {
		if err := l.graph.readBatch(ids, map[string]*fetched{}); err == nil {
			t.Error("a batch that never ends well did")
		}
	})
	if !slices.Equal(asked, []int{2, 2, 2}) {
		t.Errorf("asked for %d devices", asked)
	}
	if _, err := decodeBatch([]byte(`{"responses":[` + strings.Repeat(item(0)+",", maxBatch) + item(1) + `]}`)); err == nil || !strings.Contains(err.Error(), "more than 20 responses") {
		t.Error(err)
	}
	for body, want := range map[string]int{`{"responses":null}`: 0, `{"responses":[]}`: 0, `{}`: 0, `{"responses":[` + item(1) + `]}`: 1, `{"responses":5}`: -1, `{"responses":{}}`: -1} {
		if r, err := decodeBatch([]byte(body)); len(r.Responses) != max(want, 0) || (err != nil) != (want < 0) {
			t.Errorf("%s: %+v, %v", body, r, err)
		}
	}
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add([]byte(`{"responses":[{"id":"0","status":200,"headers":{"Retry-After":1},"body":{"id":"00000000-0000-4000-8000-000000000001"}},{"id":"1","status":429,"headers":{"retry-after":"2.5"},"body":{"error":{"code":"TooManyRequests"}}}]}`))
	l := newLink(&testing.T{}, testConfig())
	f.Fuzz(func(t *testing.T, body []byte) {
		reply, err := decodeBatch(body)
		if err != nil {
			return
		}
		ids := []string{numberedID(1), numberedID(2)}
		devices := map[string]*fetched{}
		for i := range reply.Responses {
			id, busy := l.graph.batched(ids, &reply.Responses[i], devices)
			if busy != nil && (id == "" || busy.RetryAfter < 0 || busy.RetryAfter > maxRetryAfter) {
				t.Errorf("%q: %+v", id, busy)
			}
		}
		for id, f := range devices {
			if id != ids[0] && id != ids[1] || f != nil && f.ID != id {
				t.Errorf("%s is %+v", id, f)
			}
		}
	})
}
