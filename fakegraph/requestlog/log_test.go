package requestlog_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"nacsim/fakegraph/requestlog"
	"nacsim/fakegraph/wire"
	"nacsim/internal/host/testhost"
)

func TestLogForgetsTheOldest(t *testing.T) {
	l := requestlog.New(nil)
	for range requestlog.Size + 5 {
		l.Add(requestlog.Entry{Method: "GET"})
	}
	all := l.Entries(requestlog.Filter{})
	if len(all) != requestlog.Size || all[0].Number != 6 || all[len(all)-1].Number != requestlog.Size+5 {
		t.Errorf("%d entries from %d to %d", len(all), all[0].Number, all[len(all)-1].Number)
	}
	for i := 1; i < len(all); i++ {
		if all[i].Number != all[i-1].Number+1 {
			t.Fatalf("entry %d follows entry %d", all[i].Number, all[i-1].Number)
		}
	}
	l.Clear()
	if got := l.Entries(requestlog.Filter{}); len(got) != 0 {
		t.Errorf("%d entries after Clear", len(got))
	}
	l.Add(requestlog.Entry{})
	if l.Last() != requestlog.Size+6 {
		t.Errorf("number %d is used again", l.Last())
	}
}

// TestLogTakesLittleRoom holds that requests with many inside do not take the room of all the memory.
func TestLogTakesLittleRoom(t *testing.T) {
	l := requestlog.New(nil)
	e := requestlog.Entry{Batch: make([]requestlog.Entry, 20)}
	for i := range e.Batch {
		e.Batch[i].Path = strings.Repeat("x", 1000)
	}
	for range 3 * requestlog.Size / 2 {
		l.Add(e)
	}
	all := l.Entries(requestlog.Filter{})
	if n := len(all); n < 500 || n > 1700 { // of 20 kB and more
		t.Errorf("%d entries are remembered", n)
	}
	if all[len(all)-1].Number != 3*requestlog.Size/2 {
		t.Errorf("the latest is number %d", all[len(all)-1].Number)
	}
	for range requestlog.Size {
		l.Add(requestlog.Entry{})
	}
	if n := len(l.Entries(requestlog.Filter{})); n != requestlog.Size {
		t.Errorf("%d small entries are remembered, want %d", n, requestlog.Size)
	}
}

func TestFilter(t *testing.T) {
	l := requestlog.New(nil)
	for _, e := range []requestlog.Entry{
		{Method: "POST", Path: "/contoso/oauth2/v2.0/token", Route: "POST /{tenant}/oauth2/v2.0/token", App: "a", Status: 200},
		{Method: "GET", Path: "/v1.0/deviceManagement/managedDevices?$top=1", Route: "GET /deviceManagement/managedDevices", App: "A", Status: 429, Fault: "throttled"},
		{Method: "GET", Path: "/v1.0/devicesManagement", App: "b", Status: 400, Unmatched: true},
		{Method: "POST", Path: "/v1.0/$batch", Route: "POST /$batch", App: "b", Status: 200, Batch: []requestlog.Entry{{Method: "GET", Path: "/me", Status: 404}}},
	} {
		l.Add(e)
	}
	for _, c := range []struct {
		filter requestlog.Filter
		want   string
	}{
		{requestlog.Filter{}, "1 2 3 4"},
		{requestlog.Filter{Max: 2}, "3 4"},
		{requestlog.Filter{Since: 3}, "4"},
		{requestlog.Filter{App: "a"}, "1 2"},
		{requestlog.Filter{App: "a", Max: 1}, "2"},
		{requestlog.Filter{Status: 404}, "4"},
		{requestlog.Filter{Method: "post"}, "1 4"},
		{requestlog.Filter{Path: "MANAGEDdevices"}, "2"},
		{requestlog.Filter{Route: "token"}, "1"},
		{requestlog.Filter{Unmatched: true}, "3"},
		{requestlog.Filter{Fault: true}, "2"},
		{requestlog.Filter{App: "b", Fault: true}, ""},
	} {
		var got []string
		for _, e := range l.Entries(c.filter) {
			got = append(got, fmt.Sprint(e.Number))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: entries %v, want %s", c.filter, got, c.want)
		}
	}
}

func TestWatch(t *testing.T) {
	h := testhost.New(t).Machine("graph", "10.0.0.2")
	l := requestlog.New(nil)
	w := l.Watch(h)
	l.Add(requestlog.Entry{})
	h.Do(func() {
		if err := w.Signal().Wait(h.Now().Add(time.Second)); err != nil {
			t.Errorf("a watch was not told: %v", err)
		}
	})
	w.Close()
	l.Add(requestlog.Entry{})
	h.Do(func() {
		if err := w.Signal().Wait(h.Now().Add(time.Second)); err == nil {
			t.Error("a closed watch was told")
		}
	})
	var watches []*requestlog.Watch
	for w := l.Watch(h); w != nil; w = l.Watch(h) {
		if watches = append(watches, w); len(watches) > 1000 {
			t.Fatal("there is no end of watches")
		}
	}
	watches[0].Close()
	if l.Watch(h) == nil {
		t.Error("no watch is free after Close")
	}
}

func TestEntryIsBoundedAndShowsNoSecret(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	r := httptest.NewRequest("GET", "https://graph.microsoft.com/v1.0/"+long, nil)
	r, n := wire.WithNote(r)
	n.Method, n.App, n.User, n.Tenant, n.Text, n.Fault, n.Throttle, n.Route = long, long, "\xff"+long, long, long, long, long, long
	h := http.Header{wire.ClientRequestID: {long}, wire.RequestID: {long}}
	e := requestlog.NewEntry(r, n, h, time.Unix(0, 0), 1500*time.Microsecond)
	if text := fmt.Sprint(e); len(text) > 5000 || !utf8.ValidString(text) {
		t.Errorf("an entry of %d octets: %s", len(text), text)
	}
	if e.Milliseconds != 1.5 || e.From != "192.0.2.1" {
		t.Errorf("%v ms from %s", e.Milliseconds, e.From)
	}

	r, n = wire.WithNote(httptest.NewRequest("GET", "/t/oauth2/token?client_secret=s3cret&CLIENT%5Fassertion=eyJ&x=1&password=s3cret", nil))
	if e := requestlog.NewEntry(r, n, nil, time.Unix(0, 0), 0); e.Path != "/t/oauth2/token?client_secret=*****&CLIENT%5Fassertion=*****&x=1&password=*****" {
		t.Errorf("path %s", e.Path)
	}
}
