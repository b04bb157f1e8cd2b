package link

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"nacsim/internal/guid"
)

// A Reason is why a callback is refused, in a word.
type Reason string

// The reasons.
const (
	Malformed     Reason = "malformed"          // no query that the consent endpoint makes
	UnknownState  Reason = "unknown_state"      // no attempt has such a state, or none any more
	UsedState     Reason = "used_state"         // the attempt has ended already
	ExpiredState  Reason = "expired_state"      // the attempt has taken too long
	Denied        Reason = "denied"             // the administrator has said no, or is none
	Failed        Reason = "failed"             // the consent endpoint says that something is wrong
	NoConsent     Reason = "no_consent"         // there is neither a consent nor an error
	BadTenant     Reason = "bad_tenant"         // the tenant is no ID
	ForeignTenant Reason = "tenant_not_allowed" // the tenant is none that may be linked
)

// A Refusal is why a callback did not end in consent.
type Refusal struct {
	Reason Reason
	// Text says in a sentence what is wrong and what to do.
	Text string
	// Code and Description are what the consent endpoint has said, where it has. They come from a browser: they may be
	// anything, but for control characters and length.
	Code, Description string
}

// Error returns the text with what the consent endpoint has said.
func (r *Refusal) Error() string {
	text := r.Text
	if r.Code != "" {
		text += ": " + r.Code
	}
	if r.Description != "" {
		text += " (" + r.Description + ")"
	}
	return text
}

func refuse(reason Reason, text string) *Refusal { return &Refusal{Reason: reason, Text: text} }

// Bounds on what a callback may bring, in octets.
const (
	maxQuery = 8 << 10
	maxShown = 400
)

// denials are the errors that say that the administrator does not want it (facts: graph-and-entra 4.4).
var denials = []string{"access_denied", "permission_denied", "consent_required"}

// Finish ends an attempt with the query that the browser has brought back, and returns the tenant that consent was given
// in, in lower case, or an error that is a [*Refusal]. Nothing of the query has any effect unless its state is that of an
// attempt under way; that it is over then.
func (f *Flow) Finish(now time.Time, rawQuery string) (tenant string, err error) {
	q, malformed := parameters(rawQuery)
	if malformed != nil {
		return "", malformed
	}
	if refusal := f.take(now, q["state"]); refusal != nil {
		return "", refusal
	}
	// The refusal of version 2 says admin_consent=True too, so the error comes first (facts: graph-and-entra 4.4).
	if code, failed := q["error"]; failed {
		return "", refusalOf(code, q["error_description"])
	}
	if !strings.EqualFold(q["admin_consent"], "true") {
		return "", refuse(NoConsent, "the answer has no consent in it")
	}
	tenant = strings.ToLower(q["tenant"])
	switch {
	case !guid.Valid(tenant):
		return "", refuse(BadTenant, "the answer does not have the ID of a tenant")
	case len(f.cfg.Tenants) > 0 && !slices.Contains(f.cfg.Tenants, tenant):
		return "", refuse(ForeignTenant, "tenant "+tenant+" is none of those that may be linked to this NAC")
	}
	return tenant, nil
}

// parameters reads a query in which no key stands twice.
func parameters(raw string) (map[string]string, *Refusal) {
	if len(raw) > maxQuery {
		return nil, refuse(Malformed, "the answer is too long")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, refuse(Malformed, "the answer cannot be read")
	}
	q := make(map[string]string, len(values))
	for key, list := range values { // order-free: the outcome is the same for each
		if len(list) > 1 {
			return nil, refuse(Malformed, "the answer has a parameter twice")
		}
		q[key] = list[0]
	}
	if q["state"] == "" {
		return nil, refuse(Malformed, "the answer has no state; this address is where Entra sends a browser back to, and good for nothing else")
	}
	return q, nil
}

func refusalOf(code, description string) *Refusal {
	r := &Refusal{Reason: Failed, Text: "consent could not be given", Code: shown(code), Description: shown(description)}
	if slices.Contains(denials, code) {
		r.Reason, r.Text = Denied, "consent was not given"
	}
	return r
}

// shown is a text of a stranger in one line of limited length.
func shown(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "�"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return s
}
