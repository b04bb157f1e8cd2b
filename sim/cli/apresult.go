package cli

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"crypto/tls"

	"nacsim/fakeap"
	"nacsim/fakeap/config"
	"nacsim/fakeap/eappeer"
)

// apResult is what came of one device. Its JSON form is stable: fields may be added.
type apResult struct {
	Name   string `json:"name"`
	MAC    string `json:"mac"`
	NAS    string `json:"nas"`
	Port   string `json:"port"`
	Method string `json:"method"`
	// Result is accept, reject, no-reply, no-client, failed, or unanswered if there was none in time.
	Result string `json:"result"`
	Reason string `json:"reason,omitempty"`
	// Met says whether it is what was expected; Expected says what that was, if not.
	Met      bool   `json:"met"`
	Expected string `json:"expected,omitempty"`

	User           string   `json:"user,omitempty"`
	VLAN           string   `json:"vlan,omitempty"`
	FilterID       string   `json:"filter_id,omitempty"`
	Class          []string `json:"class,omitempty"`
	SessionTimeout int64    `json:"session_timeout_seconds,omitempty"`
	ReplyMessage   string   `json:"reply_message,omitempty"`
	SessionID      string   `json:"session_id,omitempty"`

	// EAP is the method that was played, TLS the version.
	EAP     string `json:"eap,omitempty"`
	TLS     string `json:"tls,omitempty"`
	Resumed bool   `json:"tls_resumed,omitempty"`
	// Keys are equal, different, missing if the server sent none, or empty where there are none to compare.
	Keys       string  `json:"keys,omitempty"`
	RoundTrips int     `json:"round_trips"`
	Time       float64 `json:"time_ms"`
}

// apDevice follows one device until both sides have told what came of it.
type apDevice struct {
	config.Supplicant
	nas string

	mu      sync.Mutex
	outcome *fakeap.Outcome
	answer  *eappeer.Answer
	news    chan struct{} // something is new
}

// hear takes the first outcome that the NAS tells of.
func (d *apDevice) hear(o fakeap.Outcome) {
	d.mu.Lock()
	if d.outcome == nil {
		d.outcome = &o
	}
	d.mu.Unlock()
	d.wake()
}

// finished takes the first answer that ends an authentication.
func (d *apDevice) finished(a eappeer.Answer) {
	d.mu.Lock()
	if d.answer == nil {
		a.MSK = bytes.Clone(a.MSK)
		d.answer = &a
	}
	d.mu.Unlock()
	d.wake()
}

func (d *apDevice) wake() {
	select {
	case d.news <- struct{}{}:
	default:
	}
}

// complete reports whether all is known, or at least what the NAS says.
func (d *apDevice) complete() (decided, all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	decided = d.outcome != nil
	return decided, decided && (d.EAP == nil || d.answer != nil)
}

// result judges what is known.
func (d *apDevice) result() apResult {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := apResult{Name: d.Name, MAC: d.MAC.String(), NAS: d.nas, Method: d.Method, Result: "unanswered", Reason: "nothing came of it in time; is the server there, and are address and secret right?"}
	if o := d.outcome; o != nil {
		r.Port, r.Result, r.Reason, r.User, r.VLAN, r.FilterID = o.Port, string(o.Result), o.Reason, o.User, o.VLAN, o.FilterID
		r.ReplyMessage, r.SessionID, r.RoundTrips, r.SessionTimeout = o.ReplyMessage, o.SessionID, o.RoundTrips, int64(o.SessionTimeout/time.Second)
		r.Time = float64(o.Ended.Sub(o.Started).Microseconds()) / 1000
		for _, c := range o.Class {
			r.Class = append(r.Class, hex.EncodeToString(c))
		}
		if o.Method != 0 {
			r.EAP = o.Method.String()
		}
		r.Keys = d.keys()
	}
	if a := d.answer; a != nil {
		if a.TLS != 0 {
			r.TLS, r.Resumed = tls.VersionName(a.TLS), a.Resumed
		}
		if a.Reason != "" && a.Reason != "EAP-Failure" {
			r.Reason = a.Reason
		}
	}
	r.Expected = unmet(d.Expect, r)
	r.Met = r.Expected == ""
	return r
}

// keys compares the peer's with the server's.
func (d *apDevice) keys() string {
	a := d.answer
	switch {
	case a == nil || len(a.MSK) < 64 || d.outcome.Result != fakeap.Accepted:
		return ""
	case len(d.outcome.Keys) == 0:
		return "missing"
	case bytes.Equal(a.MSK[:64], d.outcome.Keys):
		return "equal"
	}
	return "different"
}

// unmet says what was expected and is not so, or nothing.
func unmet(e config.Expect, r apResult) string {
	var wants []string
	if string(e.Result) != r.Result {
		wants = append(wants, string(e.Result))
	}
	if e.VLAN != "" && e.VLAN != r.VLAN {
		wants = append(wants, "VLAN "+e.VLAN)
	}
	if e.FilterID != "" && e.FilterID != r.FilterID {
		wants = append(wants, "Filter-Id "+e.FilterID)
	}
	if r.Keys == "different" {
		wants = append(wants, "equal keys")
	}
	return strings.Join(wants, ", ")
}

// printResults prints the report for people.
func printResults(w io.Writer, results []apResult) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tDEVICE\tPORT\tRESULT\tVLAN\tMETHOD\tTLS\tKEYS\tROUND TRIPS\tTIME\tREMARKS")
	met := 0
	for _, r := range results {
		mark := "✗"
		if r.Met {
			mark = "✓"
			met++
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%.1f ms\t%s\n", mark, r.Name, dash(r.Port), r.Result, dash(r.VLAN), r.Method,
			dash(strings.TrimPrefix(r.TLS, "TLS ")), dash(r.Keys), r.RoundTrips, r.Time, r.remarks())
	}
	t.Flush()
	fmt.Fprintf(w, "%d of %d as expected\n", met, len(results))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// remarks is what has no column.
func (r *apResult) remarks() string {
	var parts []string
	if r.Expected != "" {
		parts = append(parts, "expected "+r.Expected)
	}
	if r.Reason != "" {
		parts = append(parts, r.Reason)
	}
	for _, p := range []struct {
		what, value string
	}{{"Filter-Id", r.FilterID}, {"Reply-Message", r.ReplyMessage}} {
		if p.value != "" {
			parts = append(parts, fmt.Sprintf("%s %q", p.what, p.value))
		}
	}
	if r.SessionTimeout > 0 {
		parts = append(parts, fmt.Sprintf("Session-Timeout %ds", r.SessionTimeout))
	}
	if r.Resumed {
		parts = append(parts, "TLS session resumed")
	}
	return strings.Join(parts, "; ")
}

// printJSON prints the report for programs.
func printJSON(w io.Writer, results []apResult) error {
	report := struct {
		Supplicants []apResult `json:"supplicants"`
		Met         int        `json:"met"`
		Unmet       int        `json:"unmet"`
	}{Supplicants: results}
	for _, r := range results {
		if r.Met {
			report.Met++
		} else {
			report.Unmet++
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(report)
}
