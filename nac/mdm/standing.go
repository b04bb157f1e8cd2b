package mdm

import (
	"strings"
	"time"
)

// The words of [Record].Standing. Those before StandingNotFound are the values of Graph's complianceState (facts:
// graph-and-entra 1.2).
const (
	StandingUnknown       = "unknown"
	StandingCompliant     = "compliant"
	StandingNoncompliant  = "noncompliant"
	StandingConflict      = "conflict"
	StandingError         = "error"
	StandingInGracePeriod = "inGracePeriod"
	StandingConfigManager = "configManager"

	// StandingNotFound is what [Service.Unknown] reports of a client whose device Intune does not have.
	StandingNotFound = "notFound"
	// StandingStale is a device that has not checked in for longer than Config.StaleAfter. It replaces only a state
	// that speaks for the device: what spoke against it still does.
	StandingStale = "stale"
	// StandingRetired is a device that is being retired, wiped or deleted, or has been.
	StandingRetired = "retired"
	// StandingOutdated is a record that Intune has not confirmed for longer than Config.MaxAge.
	StandingOutdated = "outdated"
)

// complianceStates are the values of Graph's complianceState by their names in lower case.
var complianceStates = map[string]string{
	"unknown": StandingUnknown, "compliant": StandingCompliant, "noncompliant": StandingNoncompliant, "conflict": StandingConflict,
	"error": StandingError, "ingraceperiod": StandingInGracePeriod, "configmanager": StandingConfigManager,
}

// managed is the managementState of a device in normal use.
const managed = "managed"

// inUse reports whether a management state is that of a device in normal use: one whose retirement or wipe was
// taken back is.
func inUse(managementState string) bool {
	switch strings.ToLower(managementState) {
	case managed, "wipecanceled", "retirecanceled":
		return true
	}
	return false
}

// leaving reports whether a management state says that the device is to go or has gone (facts: graph-and-entra 1.2),
// also where that has failed so far.
func leaving(managementState string) bool {
	switch strings.ToLower(managementState) {
	case "retirepending", "retirefailed", "retireissued", "wipepending", "wipefailed", "wipeissued", "deletepending":
		return true
	}
	return false
}

// state is what Intune says of a device, whenever that was: a word of Graph that is not known yet is unknown.
func (r *Record) state() string {
	if leaving(r.ManagementState) {
		return StandingRetired
	}
	if state := complianceStates[strings.ToLower(r.ComplianceState)]; state != "" {
		return state
	}
	return StandingUnknown
}

// stand sets a record's standing at a time.
func (s *Service) stand(r *Record, now time.Time) {
	r.Standing = s.standing(r, now)
}

func (s *Service) standing(r *Record, now time.Time) string {
	if s.cfg.MaxAge > 0 && now.Sub(r.FetchedAt) > s.cfg.MaxAge {
		return StandingOutdated
	}
	state := r.state()
	if r.Conflict && state != StandingRetired {
		return StandingNoncompliant
	}
	switch state {
	case StandingRetired, StandingNoncompliant, StandingConflict, StandingError:
		return state
	}
	if s.cfg.StaleAfter > 0 && now.Sub(r.LastSync) > s.cfg.StaleAfter {
		return StandingStale
	}
	return state
}
