package fault

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestCatalogue holds that each kind is documented, complete and read back as it is written.
func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Catalogue() {
		if seen[k.Name] {
			t.Errorf("%s is there twice", k.Name)
		}
		seen[k.Name] = true
		if k.Doc == "" || !strings.HasSuffix(k.Doc, ".") || k.Facts == "" || k.befalls == nil || k.strike == nil || k.Group == "" {
			t.Errorf("%s is not complete: %+v", k.Name, k)
		}
		f := Fault{Name: k.Name}
		if _, err := f.complete(); err != nil {
			t.Errorf("%s with its defaults: %v", k.Name, err)
		}
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil || !reflect.DeepEqual(again, f) {
			t.Errorf("%s is read back as %+v, %v", text, again, err)
		}
	}
}

func TestParse(t *testing.T) {
	f, err := Parse([]byte(`{"fault":"throttled","retry_after":"2.128s","retry_after_as":"fraction","page":3,"probability":0.5,"for":"1h","from":"2026-01-05T08:00:00Z"}`))
	want := Fault{Name: "throttled", Status: 429, RetryAfter: 2128 * time.Millisecond, RetryAfterAs: RetryAfterFraction, Page: 3, Probability: 0.5,
		For: time.Hour, From: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)}
	if err != nil || !reflect.DeepEqual(f, want) {
		t.Errorf("%+v, %v", f, err)
	}
	for text, message := range map[string]string{
		`{"fault":"throtled"}`:       `fault "throtled": there is none of that name; there are wrong_secret, `,
		`{}`:                         `fault "": there is none of that name`,
		`{"fault":"reset","rows":3}`: "fault reset: it takes no rows; it has no parameters",
		`{"fault":"rows_missing","service":"entra"}`:           "it befalls graph, not entra",
		`{"fault":"status","status":200}`:                      "status 200 is not within 300 to 599",
		`{"fault":"status","count":-1}`:                        "count is negative",
		`{"fault":"status","probability":1.5}`:                 "probability 1.5 is not within 0 to 1",
		`{"fault":"throttled","retry_after_as":"never"}`:       `retry_after_as "never" is none of`,
		`{"fault":"slow","delay":"soon"}`:                      `"soon" is no duration such as "30s"`,
		`{"fault":"slow","delay":3}`:                           "delay: want a",
		`{"fault":"slow","dealy":"3s"}`:                        `unknown field "dealy"; the keys are service`,
		`{"fault":"slow"} {}`:                                  "more behind",
		`["slow"]`:                                             `want a JSON object such as {"fault": "throttled"}, got array`,
		`{"fault":"next_link_foreign","to":"graph.evil.test"}`: `to "graph.evil.test" is no origin such as https://graph.example.net`,
		`{"fault":"status","service":"intune"}`:                `service "intune" is neither entra nor graph`,
		strings.Repeat(" ", maxDocument+1):                     "longer than",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("Parse(%.60s): %v, want %s", text, err, message)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		f    Fault
		want string
	}{
		{Fault{}, ""},
		{Fault{RetryAfter: 2 * time.Second}, "2"},
		{Fault{RetryAfter: 2128 * time.Millisecond}, "3"}, // not before the time is over
		{Fault{RetryAfter: 2128 * time.Millisecond, RetryAfterAs: RetryAfterFraction}, "2.128"},
		{Fault{RetryAfter: 90 * time.Second, RetryAfterAs: RetryAfterDate}, "Mon, 05 Jan 2026 08:01:30 GMT"},
	} {
		if got := test.f.retryAfter(now); got != test.want {
			t.Errorf("%v as %q: %q, want %q", test.f.RetryAfter, test.f.RetryAfterAs, got, test.want)
		}
	}
}

// FuzzParse holds that whatever is accepted is complete, and the same when written and read again.
func FuzzParse(f *testing.F) {
	f.Add(`{"fault":"throttled","retry_after":"30s","retry_after_as":"date","count":2,"skip":1,"probability":0.25}`)
	f.Add(`{"fault":"next_link_foreign","to":"https://evil.example","page":2,"path":"/v1.0"}`)
	f.Add(`{"fault":"clock_skew","skew":"-10m0s","from":"2026-01-05T08:00:00Z","until":"2026-01-05T09:00:00Z","for":"1h"}`)
	f.Add(`{"status":503}`)
	f.Fuzz(func(t *testing.T, text string) {
		read, err := Parse([]byte(text))
		if err != nil {
			return
		}
		if k, ok := Lookup(read.Name); !ok || read.check(k) != nil {
			t.Fatalf("%q is accepted as %+v", text, read)
		}
		written, err := json.Marshal(read)
		if err != nil {
			t.Skip() // a year that RFC 3339 cannot write
		}
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("%s is not read again: %v", written, err)
		}
		twice, err := json.Marshal(again)
		if err != nil || string(twice) != string(written) {
			t.Fatalf("%s becomes %s, %v", written, twice, err)
		}
	})
}
