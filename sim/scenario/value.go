package scenario

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"nacsim/sim/pki"
)

// The rules for single values.

// text accepts any string up to most characters.
func text(most int) rule[string] {
	return scalar(schema{Type: "string", MaxLength: most}, "text", isString,
		func(_ *parser, n *node, into *string) error {
			if utf8.RuneCountInString(n.text) > most {
				return fmt.Errorf("longer than %d characters", most)
			}
			*into = n.text
			return nil
		})
}

// line accepts a string of one line that is not blank.
func line(most int) rule[string] {
	return scalar(schema{Type: "string", Pattern: `^[^\n]*\S[^\n]*$`, MaxLength: most}, "one line of text", isString,
		func(_ *parser, n *node, into *string) error {
			switch {
			case strings.TrimSpace(n.text) == "":
				return errors.New("empty")
			case strings.Contains(n.text, "\n"):
				return errors.New("more than one line")
			case utf8.RuneCountInString(n.text) > most:
				return fmt.Errorf("longer than %d characters", most)
			}
			*into = n.text
			return nil
		})
}

// anyValue accepts any scalar as the text it was written as.
var anyValue = scalar(schema{Type: []string{"string", "number", "boolean"}}, "a value", isAnyScalar,
	func(_ *parser, n *node, into *string) error {
		*into = n.text
		return nil
	})

var boolean = scalar(schema{Type: "boolean"}, "true or false", isBool,
	func(_ *parser, n *node, into *bool) error {
		*into = strings.EqualFold(n.text, "true")
		return nil
	})

// onOff accepts on and off, and true and false for those who write them.
var onOff = scalar(schema{Enum: []any{"on", "off", true, false}}, "on or off", isStringOrBool,
	func(_ *parser, n *node, into *bool) error {
		switch n.text {
		case "on", "true", "True", "TRUE":
			*into = true
		case "off", "false", "False", "FALSE":
			*into = false
		default:
			return plain
		}
		return nil
	})

// decimalForm is a whole number as everybody reads it: some read 010 as eight.
var decimalForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

var errNotDecimal = errors.New("not written in plain decimal")

// whole accepts an integer from least to most.
func whole(least, most int64) rule[int] {
	return scalar(schema{Type: "integer", Minimum: bound(least), Maximum: bound(most)},
		fmt.Sprintf("a whole number from %d to %d", least, most), isInt,
		func(_ *parser, n *node, into *int) error {
			if !decimalForm.MatchString(n.text) {
				return errNotDecimal
			}
			v, err := strconv.ParseInt(n.text, 10, 64)
			if err != nil || v < least || v > most {
				return plain
			}
			*into = int(v)
			return nil
		})
}

// bound is a number as a schema writes it.
func bound(v int64) json.Number { return jsonNumber(strconv.FormatInt(v, 10)) }

// SeedWanted says in words what a seed can be.
const SeedWanted = "a whole number from 0 to 18446744073709551615"

var seedForm = regexp.MustCompile(`^(0|[1-9][0-9]*|0x[0-9A-Fa-f]+)$`)

// ParseSeed reads a seed in decimal, or in hexadecimal after 0x.
func ParseSeed(s string) (uint64, error) {
	if !seedForm.MatchString(s) {
		return 0, plain
	}
	return strconv.ParseUint(s, 0, 64)
}

var seed = scalar(schema{Type: "integer", Minimum: "0", Maximum: "18446744073709551615"}, SeedWanted, isInt,
	func(_ *parser, n *node, into *uint64) error {
		v, err := ParseSeed(n.text)
		if err != nil {
			return plain
		}
		*into = v
		return nil
	})

// choice accepts one of the words.
func choice(words ...string) rule[string] {
	sch := schema{}
	for _, w := range words {
		sch.Enum = append(sch.Enum, w)
	}
	return rule[string]{schema: sch, read: func(p *parser, n *node, label string, into *string) {
		for _, w := range words {
			if n.kind == scalarNode && n.text == w {
				*into = w
				return
			}
		}
		if n.kind != scalarNode {
			p.wrong(n, label, "one of %s", strings.Join(words, ", "))
			return
		}
		p.report(n.pos, n.width, "%s: unknown value %s%s", label, n.describe(), suggest(n.text, "want one of", words))
	}}
}

// number accepts one of the integers.
func number(values ...int) rule[int] {
	sch := schema{Type: "integer"}
	words := make([]string, len(values))
	for i, v := range values {
		sch.Enum = append(sch.Enum, v)
		words[i] = strconv.Itoa(v)
	}
	return scalar(sch, "one of "+strings.Join(words, ", "), isInt, func(_ *parser, n *node, into *int) error {
		for _, v := range values {
			if n.text == strconv.Itoa(v) {
				*into = v
				return nil
			}
		}
		return plain
	})
}

// span accepts a duration. A bare number is refused with the text that was probably meant.
func span(least, most time.Duration) rule[time.Duration] {
	sch := schema{Type: "string", Pattern: durationPattern}
	want := `a duration such as "30s", "1h30m" or "2d"`
	if least >= 0 {
		sch.Pattern = strings.Replace(durationPattern, "-?", "", 1)
	}
	if least > 0 {
		sch.Not = &schema{Pattern: `^(0+(\.0+)?(d|h|ms|m|s|us|ns))+$`}
	}
	return rule[time.Duration]{schema: sch, read: func(p *parser, n *node, label string, into *time.Duration) {
		if n.kind != scalarNode {
			p.wrong(n, label, "%s", want)
			return
		}
		if n.scalar == intScalar || n.scalar == floatScalar {
			p.report(n.pos, n.width, `%s: %s has no unit; write %ss, %sm or %sh`, label, n.text, n.text, n.text, n.text)
			return
		}
		d, err := ParseDuration(n.text)
		switch {
		case err != nil && err != errForm:
			p.report(n.pos, n.width, "%s: %s is %v; want %s", label, n.describe(), err, want)
		case err != nil:
			p.wrong(n, label, "%s", want)
		case d < least:
			p.report(n.pos, n.width, "%s: %s is too short; want at least %s", label, n.text, FormatDuration(least))
		case d > most:
			p.report(n.pos, n.width, "%s: %s is too long; want at most %s", label, n.text, FormatDuration(most))
		default:
			*into = d
		}
	}}
}

// The usual spans: any time from 0 on, an interval that may not be 0, and a time before or after; and of what has
// no parts of seconds, in RADIUS, HTTP or in fact: an interval, and one that may be 0 for never.
var (
	period   = span(0, maxDuration)
	interval = span(time.Millisecond, maxDuration)
	relative = span(-maxDuration, maxDuration)
	delay    = span(0, time.Hour)
	rhythm   = wholeSeconds(span(time.Second, maxDuration))
	habit    = wholeSeconds(span(0, maxDuration))
)

const secondsPattern = `^([0-9]+(\.[0-9]+)?(d|h|m)|[0-9]+s)+$`

var secondsForm = regexp.MustCompile(secondsPattern)

// wholeSeconds refuses parts of seconds.
func wholeSeconds(r rule[time.Duration]) rule[time.Duration] {
	r.schema.Pattern = secondsPattern
	read := r.read
	r.read = func(p *parser, n *node, label string, into *time.Duration) {
		before := len(p.errs)
		if read(p, n, label, into); len(p.errs) > before || n.kind != scalarNode {
			return
		}
		if !secondsForm.MatchString(n.text) || *into%time.Second != 0 {
			p.report(n.pos, n.width, "%s: want whole seconds, got %s", label, n.text)
		}
	}
	return r
}

var percentForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?%$`)

// percent accepts a probability such as 1% or 0.5%.
var percent = scalar(schema{Type: "string", Pattern: `^(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%$`}, `a percentage such as "1%"`, isNumberOrText,
	func(_ *parser, n *node, into *float64) error {
		if n.scalar != stringScalar {
			return errors.New("no percent sign")
		}
		if !percentForm.MatchString(n.text) {
			return plain
		}
		v, err := strconv.ParseFloat(strings.TrimSuffix(n.text, "%"), 64)
		if err != nil || v > 100 {
			return errors.New("more than 100%")
		}
		*into = v / 100
		return nil
	})

// date accepts a day, at midnight UTC.
var date = scalar(schema{Type: "string", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`}, `a date such as 2026-01-01`, isString,
	func(_ *parser, n *node, into *time.Time) error {
		t, err := time.Parse(time.DateOnly, n.text)
		if err != nil {
			return plain
		}
		*into = t
		return nil
	})

// instant accepts a moment in time. Years are bounded by what certificates and GeneralizedTime can say.
var instant = scalar(schema{Type: "string", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$`},
	"a time such as 2026-01-05T08:00:00Z", isString,
	func(_ *parser, n *node, into *time.Time) error {
		t, err := time.Parse(time.RFC3339, n.text)
		if err != nil || strings.Contains(n.text, ".") {
			return plain
		}
		if t = t.UTC(); t.Year() < 2000 || t.Year() > 2099 {
			return errors.New("not between the years 2000 and 2099")
		}
		*into = t
		return nil
	})

const macPattern = `^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$|^[0-9A-Fa-f]{12}$`

var macForm = regexp.MustCompile(macPattern)

// mac accepts the MAC address of one station. An address of twelve digits without separators must be quoted, because
// YAML takes some of them for numbers.
var mac = scalar(schema{Type: "string", Pattern: macPattern}, `a MAC address in quotes such as "00:1c:b3:09:85:15"`, isString,
	func(_ *parser, n *node, into *net.HardwareAddr) error {
		if !macForm.MatchString(n.text) {
			return plain
		}
		b, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "").Replace(n.text))
		switch {
		case err != nil:
			return plain
		case b[0]&1 != 0:
			return errors.New("a group address")
		case [6]byte(b) == [6]byte{}:
			return errors.New("all zero")
		}
		*into = b
		return nil
	})

const guidPattern = `^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`

var guidForm = regexp.MustCompile(guidPattern)

var guidRule = scalar(schema{Type: "string", Pattern: guidPattern}, "a GUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301", isString,
	func(_ *parser, n *node, into *string) error {
		if !guidForm.MatchString(n.text) {
			return plain
		}
		*into = strings.ToLower(n.text)
		return nil
	})

const vlanPattern = `^([1-9][0-9]{0,2}|[1-3][0-9]{3}|40[0-8][0-9]|409[0-4])$`

var (
	vlanForm = regexp.MustCompile(vlanPattern)
)

// vlan accepts a VLAN ID (IEEE 802.1Q), as a number or in quotes.
var vlan = scalar(schema{Type: []string{"integer", "string"}, Minimum: "1", Maximum: "4094", Pattern: vlanPattern},
	"a VLAN from 1 to 4094", isStringOrInt,
	func(_ *parser, n *node, into *string) error {
		if !vlanForm.MatchString(n.text) {
			return plain
		}
		*into = n.text
		return nil
	})

const versionPattern = `^[0-9]{1,9}(\.[0-9]{1,9}){0,4}$`

var versionForm = regexp.MustCompile(versionPattern)

// version accepts numbers with dots between; one with a single dot need not be quoted.
var version = scalar(schema{Type: []string{"string", "number"}, Pattern: versionPattern}, `a version such as "0.14.29411"`, isNumberOrText,
	func(_ *parser, n *node, into *string) error {
		if !versionForm.MatchString(n.text) {
			return plain
		}
		*into = n.text
		return nil
	})

// tlsVersion accepts 1.2 and 1.3, quoted or not.
var tlsVersion = scalar(schema{Enum: []any{"1.2", "1.3", jsonNumber("1.2"), jsonNumber("1.3")}}, `"1.2" or "1.3"`, isNumberOrText,
	func(_ *parser, n *node, into *string) error {
		if n.text != "1.2" && n.text != "1.3" {
			return plain
		}
		*into = n.text
		return nil
	})

// template accepts text with variables of SCEP profiles.
func template(most int) rule[string] {
	r := text(most)
	return checked(r, pki.CheckTemplate)
}

// subject accepts a distinguished name with variables.
var subject = checked(text(1024), pki.CheckSubject)

// checked adds a check of another package to a rule for text.
func checked(r rule[string], check func(string) error) rule[string] {
	read := r.read
	r.read = func(p *parser, n *node, label string, into *string) {
		before := len(p.errs)
		if read(p, n, label, into); len(p.errs) > before {
			return
		}
		if err := check(n.text); err != nil {
			p.report(n.pos, n.width, "%s: %v", label, err)
		}
	}
	return r
}
