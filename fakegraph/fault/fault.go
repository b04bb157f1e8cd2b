// Package fault makes requests to Entra ID and Graph fail, the way they have been seen to fail.
//
// [Catalogue] lists what can go wrong: an answer with an error, a reply that is not what it should be, a connection that
// breaks. A [Fault] is one of these with its parameters, the requests that it strikes, and how long and how often it does.
// A [Set] holds the faults in force; the server's front lets it serve each request ([Set.Serve]), and the services ask the
// fault that struck a request, if any, what only they can do about it ([Struck]).
//
// Statements of fact refer to facts: graph-and-entra.
package fault

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Service is one of the two that fakegraph plays.
type Service string

const (
	// AnyService is both of them, as far as the fault can befall both.
	AnyService Service = ""
	// Entra is the authority: tokens and discovery.
	Entra Service = "entra"
	// Graph is the Graph API.
	Graph Service = "graph"
)

// A Fault is one of the catalogue in force. Of several that match a request the oldest decides.
//
// Only Name is required, and not even that where Status or Delay says enough: without a name the fault is "status" or "slow". Which parameters a fault takes, and what they are when left out, is in its [Kind].
type Fault struct {
	// Name is that of its kind.
	Name string

	// Service, Path, Method, App, Query and Page say which requests it strikes; what is empty matches all that the kind can
	// befall. Path is compared with the beginning of the path in lower case and without doubled slashes, for example
	// "/v1.0/devicemanagement". App is a client id. Query is part of the query as a person reads it, for example "$filter".
	// Page is that page of a list, counted from 1 for each app; a page that is asked for again keeps its number.
	Service Service
	Path    string
	Method  string
	App     string
	Query   string
	Page    int

	// Skip lets that many matching requests through first. Count ends the fault after it has struck that often.
	Skip, Count int
	// From and Until bound it in time on the machine's clock, and For from when it begins. The zero values are no bounds.
	From, Until time.Time
	For         time.Duration
	// Probability is that with which a matching request is struck, above 0 and up to 1; 0 means always. It is drawn from a
	// stream of the machine named after the fault.
	Probability float64

	// Status is the HTTP status of the answer.
	Status int
	// AADSTS is the number of Entra ID's error.
	AADSTS int
	// RetryAfter is what the answer says in Retry-After, in the form of RetryAfterAs. 0 sends none, as Intune often does
	// (facts 3.3).
	RetryAfter   time.Duration
	RetryAfterAs RetryAfterForm
	// Delay passes on the machine's clock before the answer, or in the middle of it.
	Delay time.Duration
	// Skew is how much the authority's clock is ahead of the machine's.
	Skew time.Duration
	// Seconds is a number of seconds in a reply.
	Seconds int
	// Rows is a number of rows, and Octets of octets.
	Rows, Octets int
	// Property is a name in the reply, and Value what it says instead.
	Property, Value string
	// To is the origin that a link leads to instead, such as "https://graph.example.net".
	To string
	// Body replaces the service's own error, as ContentType, for example with the HTML page of a proxy.
	Body, ContentType string
}

// A RetryAfterForm is one in which services say when to come back.
type RetryAfterForm string

const (
	// RetryAfterSeconds is a whole number of seconds (RFC 9110 section 10.2.3). It is the default.
	RetryAfterSeconds RetryAfterForm = "seconds"
	// RetryAfterFraction has milliseconds, which the RFC does not know and Graph has sent (facts 3.3).
	RetryAfterFraction RetryAfterForm = "fraction"
	// RetryAfterDate is a date (RFC 9110 section 5.6.7).
	RetryAfterDate RetryAfterForm = "date"
)

// Check reports what cannot work.
func (f Fault) Check() error {
	_, err := f.complete()
	return err
}

// complete fills in what is left out as the kind has it, and reports what cannot work.
func (f *Fault) complete() (*Kind, error) {
	switch {
	case f.Name == "" && f.Status != 0:
		f.Name = "status"
	case f.Name == "" && f.Delay != 0:
		f.Name = "slow"
	}
	k, ok := Lookup(f.Name)
	if !ok {
		return nil, fmt.Errorf("fault %q: there is none of that name; there are %s", f.Name, strings.Join(names(), ", "))
	}
	f.Path = strings.ToLower(f.Path)
	k.fillIn(f)
	if err := f.check(k); err != nil {
		return nil, fmt.Errorf("fault %s: %w", f.Name, err)
	}
	return k, nil
}

func (f *Fault) check(k *Kind) error {
	switch f.Service {
	case AnyService, k.Service:
	case Entra, Graph:
		if k.Service != AnyService {
			return fmt.Errorf("it befalls %s, not %s", k.Service, f.Service)
		}
	default:
		return fmt.Errorf("service %q is neither %s nor %s", f.Service, Entra, Graph)
	}
	if f.Status != 0 && (f.Status < 300 || f.Status > 599) {
		return fmt.Errorf("status %d is not within 300 to 599", f.Status)
	}
	switch f.RetryAfterAs {
	case "", RetryAfterSeconds, RetryAfterFraction, RetryAfterDate:
	default:
		return fmt.Errorf("retry_after_as %q is none of %s, %s, %s", f.RetryAfterAs, RetryAfterSeconds, RetryAfterFraction, RetryAfterDate)
	}
	if at, err := url.Parse(f.To); f.To != "" && f.Name != "wrong_aliases" && (err != nil || at.Host == "" || at.Scheme+"://"+at.Host != f.To) {
		return fmt.Errorf("to %q is no origin such as https://graph.example.net", f.To)
	}
	if f.Probability < 0 || f.Probability > 1 {
		return fmt.Errorf("probability %v is not within 0 to 1", f.Probability)
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"skip", f.Skip}, {"count", f.Count}, {"page", f.Page}, {"rows", f.Rows}, {"delay", int(f.Delay)}, {"for", int(f.For)}, {"retry_after", int(f.RetryAfter)}} {
		if n.value < 0 {
			return fmt.Errorf("%s is negative", n.name)
		}
	}
	for _, p := range parameters {
		if !p.isZero(f) && !k.takes(p.name) {
			return fmt.Errorf("it takes no %s; %s", p.name, k.parameterList())
		}
	}
	return nil
}

// retryAfter is the value of the header at time now, or "".
func (f *Fault) retryAfter(now time.Time) string {
	switch {
	case f.RetryAfter == 0:
		return ""
	case f.RetryAfterAs == RetryAfterFraction:
		return strconv.FormatFloat(f.RetryAfter.Seconds(), 'f', 3, 64)
	case f.RetryAfterAs == RetryAfterDate:
		return now.Add(f.RetryAfter + time.Second - 1).UTC().Format(http.TimeFormat)
	}
	return strconv.FormatInt(int64((f.RetryAfter+time.Second-1)/time.Second), 10)
}
