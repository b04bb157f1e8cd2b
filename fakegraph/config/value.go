package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"nacsim/internal/guid"
	"nacsim/internal/yamltable"
)

// named is a text with its place.
type named struct {
	node ast.Node
	text string
}

// text is a property that is a text, not an empty one.
func text[T any](name, doc string, field func(*T) *string, examples ...string) yamltable.Property[T] {
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: textSchema(examples...), Set: func(r *yamltable.Reader, n ast.Node, to *T) {
		*field(to) = readText(r, n, name)
	}}
}

func textSchema(examples ...string) yamltable.Schema {
	s := yamltable.Schema{"type": "string", "minLength": 1}
	if len(examples) > 0 {
		s["examples"] = examples
	}
	return s
}

func readText(r *yamltable.Reader, n ast.Node, what string) string {
	s, ok := r.Text(n, what)
	if ok && strings.TrimSpace(s) == "" {
		r.Errorf(n, "%s is empty", what)
	}
	return s
}

// id is a property that is a GUID.
func id[T any](name, doc string, field func(*T) *string) yamltable.Property[T] {
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: yamltable.Schema{"type": "string", "format": "uuid", "examples": []string{"9a8b7c6d-0000-4000-8000-0123456789ab"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *T) {
			s, ok := r.Text(n, name)
			if ok && !guid.Valid(s) {
				r.Errorf(n, "%s is %q; expected a GUID such as 9a8b7c6d-0000-4000-8000-0123456789ab", name, s)
			}
			*field(to) = strings.ToLower(s)
		}}
}

// texts is a property that is a list of texts.
func texts[T any](name, doc string, field func(*T) *[]string, examples ...string) yamltable.Property[T] {
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: yamltable.Schema{"type": "array", "items": textSchema(examples...)}, Set: func(r *yamltable.Reader, n ast.Node, to *T) {
		for _, entry := range r.List(n, name, maxList) {
			*field(to) = append(*field(to), readText(r, entry, "an entry of "+name))
		}
	}}
}

// checked refuses texts of a property that do not pass a check, which says what is expected.
func checked[T any](p yamltable.Property[T], want string, good func(string) bool) yamltable.Property[T] {
	set := p.Set
	p.Set = func(r *yamltable.Reader, n ast.Node, to *T) {
		before := len(r.Errs)
		if set(r, n, to); len(r.Errs) > before {
			return
		}
		entries := []ast.Node{n}
		if list, ok := n.(*ast.SequenceNode); ok {
			entries = list.Values
		}
		for _, entry := range entries {
			if s, ok := r.Text(entry, p.Name); ok && !good(s) {
				r.Errorf(entry, "%s is %q; expected %s", p.Name, s, want)
			}
		}
	}
	return p
}

// isRedirect reports whether Entra takes an address as a redirect URI: over HTTPS, HTTP on this computer, or a scheme of an app.
func isRedirect(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Fragment != "" {
		return false
	}
	switch u.Scheme {
	case "", "javascript", "data", "file", "vbscript", "about", "blob":
		return false
	case "https":
		return u.Hostname() != ""
	case "http":
		address, err := netip.ParseAddr(u.Hostname())
		return u.Hostname() == "localhost" || err == nil && address.IsLoopback()
	}
	return u.Host != "" || u.Opaque != "" || u.Path != ""
}

var domainForm = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// isDomain reports whether a name can be that of a domain.
func isDomain(s string) bool { return len(s) <= 253 && domainForm.MatchString(s) }

// isUPN reports whether a name has the form of a user principal name.
func isUPN(s string) bool {
	user, domain, found := strings.Cut(s, "@")
	return found && user != "" && !strings.ContainsAny(user, " \t") && isDomain(domain)
}

// places is texts with the place of each.
func places[T any](name, doc string, field func(*T) *[]named, examples ...string) yamltable.Property[T] {
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: yamltable.Schema{"type": "array", "items": textSchema(examples...)}, Set: func(r *yamltable.Reader, n ast.Node, to *T) {
		for _, entry := range r.List(n, name, maxPeople) {
			*field(to) = append(*field(to), named{entry, readText(r, entry, "an entry of "+name)})
		}
	}}
}

// flag is a property that is true or false.
func flag[T any](name, doc string, standard bool, field func(*T) *bool) yamltable.Property[T] {
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: yamltable.Schema{"type": "boolean", "default": standard},
		Set: func(r *yamltable.Reader, n ast.Node, to *T) { *field(to), _ = r.Boolean(n, name) }}
}

// number is a property that is a whole number.
func number[T any](name, doc string, low, high int, field func(*T) *int) yamltable.Property[T] {
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: yamltable.Schema{"type": "integer", "minimum": low, "maximum": high}, Set: func(r *yamltable.Reader, n ast.Node, to *T) {
		v, _ := r.Number(n, name, uint64(low), uint64(high))
		*field(to) = int(v)
	}}
}

// choice is a property that is one of a few texts, the first of which is the default.
func choice[T any](name, doc string, allowed []string, field func(*T) *string) yamltable.Property[T] {
	s := yamltable.Enum(allowed...)
	s["default"] = allowed[0]
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: s, Set: func(r *yamltable.Reader, n ast.Node, to *T) { *field(to), _ = r.OneOf(n, name, allowed) }}
}

// option is a property that is one of a few texts and has no default.
func option[T any](name, doc string, allowed []string, field func(*T) *string) yamltable.Property[T] {
	p := choice(name, doc, allowed, field)
	delete(p.Schema, "default")
	return p
}

// duration is a property that is one.
func duration[T any](name, doc, standard string, low, high time.Duration, field func(*T) *time.Duration) yamltable.Property[T] {
	s := yamltable.Schema{"type": "string", "examples": []string{"30s", "1h30m", "2d"}}
	if standard != "" {
		s["default"] = standard
	}
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: s, Set: yamltable.SetDuration(name, low, high, field)}
}

// share is a property that is a percentage, as a number from 0 to 1.
func share[T any](name, doc string, field func(*T) *float64) yamltable.Property[T] {
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: yamltable.Schema{"type": "string", "pattern": `^[0-9]{1,3}(\.[0-9]{1,3})?%$`, "examples": []string{"6%", "0.5%"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *T) {
			s, ok := r.Text(n, name)
			v, good := percent(s)
			if ok && !good {
				r.Errorf(n, "%s is %q; expected a share such as 6%% or 0.5%%", name, s)
			}
			*field(to) = v
		}}
}

// percent reads a number with up to three decimals, and the sign.
func percent(s string) (float64, bool) {
	s, ok := strings.CutSuffix(s, "%")
	whole, rest, dotted := strings.Cut(s, ".")
	if !ok || whole == "" || len(whole) > 3 || len(rest) > 3 || dotted && rest == "" {
		return 0, false
	}
	value := 0
	for _, c := range whole + (rest + "000")[:3] {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int(c-'0')
	}
	return float64(value) / 100_000, value <= 100_000
}

// moment is a property that is a day, at its beginning in UTC, or a time.
func moment[T any](name, doc string, field func(*T) *time.Time) yamltable.Property[T] {
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: yamltable.Schema{"type": "string", "examples": []string{"2027-05-01", "2027-05-01T12:00:00Z"}},
		Set: func(r *yamltable.Reader, n ast.Node, to *T) {
			s, ok := r.Text(n, name)
			if !ok {
				return
			}
			t, err := time.Parse(time.DateOnly, s)
			if err != nil {
				t, err = time.Parse(time.RFC3339, s)
			}
			if err != nil {
				r.Errorf(n, "%s is %q; expected a day such as 2027-05-01 or a time such as 2027-05-01T12:00:00Z", name, s)
			}
			*field(to) = t.UTC()
		}}
}

// list is a property that is a list of mappings, each with its place.
func list[T, E any](name, doc, one string, limit int, table []yamltable.Property[E], add func(to *T, e E, n ast.Node), initial func() E) yamltable.Property[T] {
	return yamltable.Property[T]{Name: name, Doc: doc, Schema: yamltable.ArrayOf(func() yamltable.Schema { return yamltable.ObjectSchema(table) }),
		Set: func(r *yamltable.Reader, n ast.Node, to *T) {
			for _, entry := range r.List(n, name, limit) {
				e := initial()
				if yamltable.Object(r, entry, one, table, &e) {
					add(to, e, entry)
				}
			}
		}}
}
