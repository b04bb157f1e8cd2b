package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A document is the JSON form of a fault: the name under "fault", everything else under its name in snake case, durations as
// texts such as "30s", times in RFC 3339.
type document struct {
	Fault        string         `json:"fault"`
	Service      Service        `json:"service,omitempty"`
	Path         string         `json:"path,omitempty"`
	Method       string         `json:"method,omitempty"`
	App          string         `json:"app,omitempty"`
	Query        string         `json:"query,omitempty"`
	Page         int            `json:"page,omitempty"`
	Skip         int            `json:"skip,omitempty"`
	Count        int            `json:"count,omitempty"`
	From         *time.Time     `json:"from,omitempty"`
	Until        *time.Time     `json:"until,omitempty"`
	For          duration       `json:"for,omitempty"`
	Probability  float64        `json:"probability,omitempty"`
	Status       int            `json:"status,omitempty"`
	AADSTS       int            `json:"aadsts,omitempty"`
	RetryAfter   duration       `json:"retry_after,omitempty"`
	RetryAfterAs RetryAfterForm `json:"retry_after_as,omitempty"`
	Delay        duration       `json:"delay,omitempty"`
	Skew         duration       `json:"skew,omitempty"`
	Seconds      int            `json:"seconds,omitempty"`
	Rows         int            `json:"rows,omitempty"`
	Octets       int            `json:"octets,omitempty"`
	Property     string         `json:"property,omitempty"`
	Value        string         `json:"value,omitempty"`
	To           string         `json:"to,omitempty"`
	Body         string         `json:"body,omitempty"`
	ContentType  string         `json:"content_type,omitempty"`
}

type duration time.Duration

// MarshalText writes the duration as time.ParseDuration reads it.
func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads the duration.
func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf(`%q is no duration such as "30s"`, text)
	}
	*d = duration(v)
	return nil
}

// maxDocument bounds the JSON form of a fault, in octets.
const maxDocument = 64 << 10

// Parse reads the JSON form of a fault, for example {"fault": "throttled", "retry_after": "30s", "count": 2}. Keys that are not
// known are mistakes, as are parameters that the fault does not take.
func Parse(data []byte) (Fault, error) {
	if len(data) > maxDocument {
		return Fault{}, fmt.Errorf("a fault of %d octets is longer than %d", len(data), maxDocument)
	}
	var d document
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return Fault{}, explain(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Fault{}, errors.New("there is more behind the fault")
	}
	f := d.fault()
	_, err := f.complete()
	return f, err
}

// explain puts what encoding/json says into words that name what was expected.
func explain(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return fmt.Errorf(`want a JSON object such as {"fault": "throttled"}, got %s`, wrong.Value)
	case errors.As(err, &wrong):
		return fmt.Errorf("%s: want a %s, got %s", wrong.Field, wrong.Type, wrong.Value)
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	if strings.HasPrefix(text, "unknown field") {
		text += "; the keys are " + strings.Join(Keys(), ", ")
	}
	return errors.New(text)
}

// Keys are those of the JSON form, but for "fault".
func Keys() []string {
	keys := []string{"service", "path", "method", "app", "query", "page", "skip", "count", "from", "until", "for", "probability"}
	for _, p := range parameters {
		keys = append(keys, p.name)
	}
	return keys
}

func (d *document) fault() Fault {
	f := Fault{
		Name: d.Fault, Service: d.Service, Path: d.Path, Method: d.Method, App: d.App, Query: d.Query, Page: d.Page,
		Skip: d.Skip, Count: d.Count, For: time.Duration(d.For), Probability: d.Probability,
		Status: d.Status, AADSTS: d.AADSTS, RetryAfter: time.Duration(d.RetryAfter), RetryAfterAs: d.RetryAfterAs, Delay: time.Duration(d.Delay),
		Skew: time.Duration(d.Skew), Seconds: d.Seconds, Rows: d.Rows, Octets: d.Octets, Property: d.Property, Value: d.Value,
		To: d.To, Body: d.Body, ContentType: d.ContentType,
	}
	if d.From != nil {
		f.From = *d.From
	}
	if d.Until != nil {
		f.Until = *d.Until
	}
	return f
}

// MarshalJSON writes the form that Parse reads.
func (f Fault) MarshalJSON() ([]byte, error) {
	d := document{
		Fault: f.Name, Service: f.Service, Path: f.Path, Method: f.Method, App: f.App, Query: f.Query, Page: f.Page,
		Skip: f.Skip, Count: f.Count, For: duration(f.For), Probability: f.Probability,
		Status: f.Status, AADSTS: f.AADSTS, RetryAfter: duration(f.RetryAfter), RetryAfterAs: f.RetryAfterAs, Delay: duration(f.Delay),
		Skew: duration(f.Skew), Seconds: f.Seconds, Rows: f.Rows, Octets: f.Octets, Property: f.Property, Value: f.Value,
		To: f.To, Body: f.Body, ContentType: f.ContentType,
	}
	if !f.From.IsZero() {
		d.From = &f.From
	}
	if !f.Until.IsZero() {
		d.Until = &f.Until
	}
	return json.Marshal(d)
}

// UnmarshalJSON is Parse.
func (f *Fault) UnmarshalJSON(data []byte) (err error) {
	*f, err = Parse(data)
	return err
}

// MarshalJSON writes an entry of the catalogue with its parameters and their defaults.
func (k Kind) MarshalJSON() ([]byte, error) {
	initial := k.Default
	initial.Name = k.Name
	return json.Marshal(struct {
		Name       string   `json:"name"`
		Group      Group    `json:"group"`
		Service    Service  `json:"service,omitempty"`
		Doc        string   `json:"doc"`
		Facts      string   `json:"facts"`
		Parameters []string `json:"parameters"`
		Default    Fault    `json:"default"`
	}{k.Name, k.Group, k.Service, k.Doc, k.Facts, slices.Concat([]string{}, k.parameters()), initial})
}
