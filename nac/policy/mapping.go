package policy

import (
	"fmt"
	"strings"
)

// A Status is the compliance of a device in terms of mdm_status labels.
type Status string

// The statuses. A label can ask for the first two; an unknown status matches no label.
const (
	Compliant    Status = "compliant"
	Noncompliant Status = "noncompliant"
	Unknown      Status = "unknown"
)

// A Mapping turns the standing of a device in Intune into a Status: one of the words that Intune has for its compliance,
// or one for a device that Intune does not vouch for. An empty field means the default of its [Standing], so the zero
// Mapping is the default of all. Neither Juniper nor Microsoft documents what Mist makes of most of them (facts:
// graph-and-entra 0, "[U]"), so each is a setting.
type Mapping struct {
	Compliant, Noncompliant, InGracePeriod, Conflict, Error, Unknown, ConfigManager Status
	NotFound, Stale, Retired, Outdated                                              Status
}

// A Standing is one word for how a device stands in Intune, and what is made of it.
type Standing struct {
	// Word is what it is called in traces and explanations, for the first seven as Graph has it (facts: graph-and-entra
	// 1.2), and Key what it is called in files.
	Word, Key string
	// Doc says in a sentence what such a device is.
	Doc string
	// Default is what it counts as unless a Mapping says otherwise.
	Default Status
	// vouched says that Intune itself lets such a device in.
	vouched bool
	field   func(*Mapping) *Status
}

// standings are all of them; the one called unknown stands for every other word too.
var standings = []Standing{
	{Word: "compliant", Key: "compliant", Default: Compliant, vouched: true,
		Doc: "A device that meets its compliance policies.", field: func(m *Mapping) *Status { return &m.Compliant }},
	{Word: "noncompliant", Key: "noncompliant", Default: Noncompliant,
		Doc: "A device that does not.", field: func(m *Mapping) *Status { return &m.Noncompliant }},
	{Word: "inGracePeriod", Key: "in_grace_period", Default: Compliant, vouched: true,
		Doc: "A device that has failed its compliance policy but still has time to come back.", field: func(m *Mapping) *Status { return &m.InGracePeriod }},
	{Word: "conflict", Key: "conflict", Default: Noncompliant,
		Doc: "A device of which the policies contradict each other.", field: func(m *Mapping) *Status { return &m.Conflict }},
	{Word: "error", Key: "error", Default: Noncompliant,
		Doc: "A device of which Intune could not find out.", field: func(m *Mapping) *Status { return &m.Error }},
	{Word: "unknown", Key: "unknown", Default: Unknown,
		Doc: "A device that has not been evaluated yet.", field: func(m *Mapping) *Status { return &m.Unknown }},
	{Word: "configManager", Key: "config_manager", Default: Unknown,
		Doc: "A device whose compliance is left to Configuration Manager.", field: func(m *Mapping) *Status { return &m.ConfigManager }},
	{Word: "notFound", Key: "not_found", Default: Unknown,
		Doc: "A device that Intune, asked for it, does not have.", field: func(m *Mapping) *Status { return &m.NotFound }},
	{Word: "stale", Key: "stale", Default: Unknown,
		Doc: "A device that has not checked in with Intune for longer than stale_after.", field: func(m *Mapping) *Status { return &m.Stale }},
	{Word: "retired", Key: "retired", Default: Noncompliant,
		Doc: "A device that is being retired, wiped or deleted.", field: func(m *Mapping) *Status { return &m.Retired }},
	{Word: "outdated", Key: "outdated", Default: Unknown,
		Doc: "A device of which the last word is older than max_age, because Intune cannot be asked.", field: func(m *Mapping) *Status { return &m.Outdated }},
}

// Standings returns all words for how a device can stand in Intune, Graph's seven first.
func Standings() []Standing { return standings }

// Set has a standing count as a status.
func (m *Mapping) Set(s *Standing, status Status) { *s.field(m) = status }

// Status returns what a standing counts as. A word that is none, such as one that Graph has learnt since, is as good as
// unknown.
func (m Mapping) Status(word string) Status {
	s := standingOf(word)
	if status := *s.field(&m); status != "" {
		return status
	}
	return s.Default
}

// standingOf finds a standing by its word, without regard to case.
func standingOf(word string) *Standing {
	var unknown *Standing
	for i := range standings {
		s := &standings[i]
		if strings.EqualFold(s.Word, word) {
			return s
		}
		if s.Word == "unknown" {
			unknown = s
		}
	}
	return unknown
}

// Warnings are the settings by which a device counts as compliant though Intune has not said so, each in a sentence.
func (m Mapping) Warnings() []string {
	var out []string
	for i := range standings {
		s := &standings[i]
		if *s.field(&m) == Compliant && !s.vouched {
			what := strings.TrimSuffix(strings.ToLower(s.Doc[:1])+s.Doc[1:], ".")
			out = append(out, fmt.Sprintf("%s is compliant: %s is let in as if Intune had vouched for it", s.Key, what))
		}
	}
	return out
}
