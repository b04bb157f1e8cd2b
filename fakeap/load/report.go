package load

import (
	"crypto/tls"
	"math"
	"slices"
	"strings"
	"time"
)

// Result is what became of an authentication.
type Result int

// Results.
const (
	Accepted Result = iota
	Rejected
	// NoReply: the server did not answer a request, however often it was sent.
	NoReply
	// Failed: the server's answer was of no use, or the peer refused the server.
	Failed
)

// Report is what a load has shown. Its JSON form is stable: fields may be added.
type Report struct {
	// Mode is "rate" or "concurrency", the two ways to load; Rate and Concurrency are what was asked for.
	Mode        string  `json:"mode"`
	Rate        float64 `json:"rate,omitempty"`
	Concurrency int     `json:"concurrency,omitempty"`
	// Lanes is the number of source ports, Clients that of clients.
	Lanes   int `json:"source_ports"`
	Clients int `json:"clients"`
	// Elapsed is from the beginning of the load until the last authentication has ended, or until no more began if
	// that was set; the figures per second are those of this time.
	Elapsed float64 `json:"elapsed_seconds"`

	Begun    int64 `json:"authentications_begun"`
	Accepted int64 `json:"accepted"`
	Rejected int64 `json:"rejected"`
	NoReply  int64 `json:"no_reply"`
	Failed   int64 `json:"failed"`
	// AuthenticationsPerSecond counts those that were accepted or rejected.
	AuthenticationsPerSecond float64 `json:"authentications_per_second"`

	// Requests are those sent for the first time, authentication and accounting alike; Retransmissions the others.
	Requests          int64   `json:"requests"`
	RequestsPerSecond float64 `json:"requests_per_second"`
	Replies           int64   `json:"replies"`
	Retransmissions   int64   `json:"retransmissions"`
	// Dropped are datagrams that answered nothing that was asked, or were not authentic.
	Dropped int64 `json:"dropped_replies"`

	// TLS12 and TLS13 count the handshakes by version, and Resumed those that resumed a session.
	TLS12   int64 `json:"tls_1_2"`
	TLS13   int64 `json:"tls_1_3"`
	Resumed int64 `json:"tls_resumed"`

	// Latency is that of authentications that were accepted or rejected, from when they were meant to begin to the
	// server's decision.
	Latency Latency `json:"latency_ms"`

	// Failures are the reasons of all that were not accepted, the most frequent first.
	Failures []Failure `json:"failures"`
}

// Latency has percentiles in milliseconds.
type Latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

// Failure is a reason for which authentications were not accepted, and how many.
type Failure struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// counts are those of one lane.
type counts struct {
	begun, requests, replies, retransmissions, dropped int64
	results                                            [4]int64
	inTime                                             int64     // accepted or rejected before the end
	last                                               time.Time // the last to end
	tls12, tls13, resumed                              int64
	latency                                            histogram
	failures                                           map[string]int64
	end                                                time.Time
}

// maxReasons bounds the reasons that are told apart.
const maxReasons = 32

func (c *counts) finish(now time.Time, result Result, reason string) {
	c.results[result]++
	c.last = now
	if (result == Accepted || result == Rejected) && (c.end.IsZero() || !now.After(c.end)) {
		c.inTime++
	}
	if result == Accepted {
		return
	}
	if c.failures == nil {
		c.failures = map[string]int64{}
	}
	if _, known := c.failures[reason]; !known && len(c.failures) >= maxReasons {
		reason = "other reasons"
	}
	c.failures[reason]++
}

// handshake counts one of TLS.
func (c *counts) handshake(version uint16, resumed bool) {
	switch version {
	case tls.VersionTLS12:
		c.tls12++
	case tls.VersionTLS13:
		c.tls13++
	}
	if resumed {
		c.resumed++
	}
}

func (r *run) report() *Report {
	out := &Report{Mode: "concurrency", Rate: r.cfg.Rate, Concurrency: r.cfg.Concurrency, Lanes: r.cfg.Lanes, Clients: len(r.clients), Failures: []Failure{}}
	if r.cfg.Rate > 0 {
		out.Mode = "rate"
	}
	var latency histogram
	var inTime int64
	last := r.start
	reasons := map[string]int64{}
	for _, l := range r.lanes {
		c := &l.counts
		out.Begun += c.begun
		out.Accepted += c.results[Accepted]
		out.Rejected += c.results[Rejected]
		out.NoReply += c.results[NoReply]
		out.Failed += c.results[Failed]
		out.Requests += c.requests
		out.Replies += c.replies
		out.Retransmissions += c.retransmissions
		out.Dropped += c.dropped
		out.TLS12 += c.tls12
		out.TLS13 += c.tls13
		out.Resumed += c.resumed
		inTime += c.inTime
		latency.merge(&c.latency)
		if c.last.After(last) {
			last = c.last
		}
		for reason, n := range c.failures { // order-free: sums
			reasons[reason] += n
		}
	}
	if !r.end.IsZero() && last.After(r.end) {
		last = r.end
	}
	if elapsed := last.Sub(r.start).Seconds(); elapsed > 0 {
		out.Elapsed = round(elapsed, 6)
		out.AuthenticationsPerSecond = round(float64(inTime)/elapsed, 1)
		out.RequestsPerSecond = round(float64(out.Requests)/elapsed, 1)
	}
	out.Latency = Latency{
		Mean: milliseconds(latency.mean()), P50: milliseconds(latency.percentile(50)), P90: milliseconds(latency.percentile(90)),
		P99: milliseconds(latency.percentile(99)), P999: milliseconds(latency.percentile(99.9)), Max: milliseconds(latency.max),
	}
	for reason, n := range reasons { // order-free: sorted below
		out.Failures = append(out.Failures, Failure{reason, n})
	}
	slices.SortFunc(out.Failures, func(a, b Failure) int {
		if a.Count != b.Count {
			return int(min(max(b.Count-a.Count, -1), 1))
		}
		return strings.Compare(a.Reason, b.Reason)
	})
	return out
}

func milliseconds(d time.Duration) float64 { return round(float64(d)/float64(time.Millisecond), 3) }

func round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
