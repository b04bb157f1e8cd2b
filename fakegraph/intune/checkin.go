package intune

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// WindowsEarlyCheckIns are the check-ins of a newly enrolled Windows or Android device after the first: every 3
// minutes for 15 minutes, then every 15 minutes for 2 hours (facts 1.5).
func WindowsEarlyCheckIns() []time.Duration {
	var early []time.Duration
	for d := 3 * time.Minute; d <= 15*time.Minute; d += 3 * time.Minute {
		early = append(early, d)
	}
	for d := 30 * time.Minute; d <= 15*time.Minute+2*time.Hour; d += 15 * time.Minute {
		early = append(early, d)
	}
	return early
}

// AppleEarlyCheckIns are the check-ins of a newly enrolled iOS, iPadOS or macOS device after the first: every 15
// minutes for an hour (facts 1.5).
func AppleEarlyCheckIns() []time.Duration {
	return []time.Duration{15 * time.Minute, 30 * time.Minute, 45 * time.Minute, time.Hour}
}

var (
	windowsEarly = WindowsEarlyCheckIns()
	appleEarly   = AppleEarlyCheckIns()
)

// EarlyCheckIns are the check-ins of a newly enrolled device with that operating system after the first, as times after
// enrolment. The list must not be changed.
func EarlyCheckIns(operatingSystem string) []time.Duration {
	for _, apple := range []string{"ios", "ipados", "macos"} {
		if strings.EqualFold(operatingSystem, apple) {
			return appleEarly
		}
	}
	return windowsEarly
}

// earlyCheckIns are those of one device.
func (c *Config) earlyCheckIns(operatingSystem string) []time.Duration {
	if c.EarlyCheckIns != nil {
		return c.EarlyCheckIns
	}
	return EarlyCheckIns(operatingSystem)
}

// nextCheckIn is the first scheduled check-in after now of a device that enrolled at enrolled: an early one, or
// one of those that follow every CheckIn after the last early one.
func (c *Config) nextCheckIn(enrolled, now time.Time, operatingSystem string) time.Time {
	early := c.earlyCheckIns(operatingSystem)
	since := now.Sub(enrolled)
	if i, found := slices.BinarySearch(early, since); found && i+1 < len(early) {
		return enrolled.Add(early[i+1])
	} else if !found && i < len(early) {
		return enrolled.Add(early[i])
	}
	last := time.Duration(0)
	if len(early) > 0 {
		last = early[len(early)-1]
	}
	routine := (since-last)/c.CheckIn + 1
	return enrolled.Add(last + routine*c.CheckIn)
}

// late is how much later than its schedule a device checks in at that time: the same in each run.
func (c *Config) late(d *Device, scheduled time.Time) time.Duration {
	if c.Jitter == 0 || scheduled.Sub(d.Enrolled) < c.CheckIn {
		return 0
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, d.ID)
	_ = binary.Write(h, binary.BigEndian, scheduled.Unix())
	return time.Duration(h.Sum64() % uint64(c.Jitter))
}

// arm puts on the agenda what is due about a device next. The caller holds the lock, and winds the timer afterwards.
func (s *Service) arm(e *entry, now time.Time) {
	var due time.Time
	sooner := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	if !e.Leaves.IsZero() {
		sooner(e.Leaves)
	} else if !e.Off {
		sooner(e.NextCheckIn) // a check-in that is overdue happens at once
	}
	if s.cfg.GraceEndsAtOnce && e.ComplianceState == StateInGracePeriod {
		for _, g := range e.Graces {
			if g.Ends.After(now) {
				sooner(g.Ends)
			}
		}
	}
	if ends := e.LastSync.Add(s.cfg.Validity); s.cfg.Validity > 0 && !e.LastSync.IsZero() && ends.After(now) {
		sooner(ends)
	}
	if due.IsZero() {
		s.agenda.strike(e)
		return
	}
	s.agenda.note(e, due)
}

// attend does what is due about a device that has been taken off the agenda. The caller holds the lock.
func (s *Service) attend(e *entry, now time.Time) {
	var err error
	switch {
	case !e.Leaves.IsZero():
		if now.Before(e.Leaves) {
			break
		}
		err = s.drop(e)
	case !e.Off && !now.Before(e.NextCheckIn):
		next := s.cfg.nextCheckIn(e.Enrolled, now, e.OperatingSystem)
		err = s.checkIn(e, now, next.Add(s.cfg.late(e.Device, next)))
	default:
		err = s.reassess(e, now)
	}
	// A machine that is going down refuses to store anything; what was due is so again after the boot.
	if err == nil && s.devices.byID[e.ID] == e {
		s.arm(e, now)
	}
}

// checkIn lets a device report: it is evaluated against the policies, and learns of remote actions. The caller holds the lock.
func (s *Service) checkIn(e *entry, now, next time.Time) error {
	was := e.ComplianceState
	return s.revise(e, func(d *Device) {
		d.LastSync, d.NextCheckIn = now, next
		d.Reported, d.OSVersion = d.Posture, d.Posture.OSVersion
		s.evaluate(d, now)
		if !d.Quiet && s.h.Tracing("check_in") {
			s.h.Trace("check_in", slog.String("device", d.Name), slog.String("complianceState", d.ComplianceState),
				slog.String("was", was), slog.String("failing", joinFacts(d.Failing)), slog.String("id", d.ID))
		}
		s.obey(d, now)
	})
}

// reassess evaluates what a device reported last once more. The caller holds the lock.
func (s *Service) reassess(e *entry, now time.Time) error {
	if e.LastSync.IsZero() && e.Forced == "" {
		return nil // it is unknown until its first check-in
	}
	d := *e.Device
	s.evaluate(&d, now)
	if d.ComplianceState == e.ComplianceState && joinFacts(d.Failing) == joinFacts(e.Failing) && len(d.Graces) == len(e.Graces) && sameStates(d.PolicyStates, e.PolicyStates) {
		return nil
	}
	if d.ComplianceState != e.ComplianceState && !d.Quiet && s.h.Tracing("device") {
		s.h.Trace("device", slog.String("device", d.Name), slog.String("change", "evaluated"), slog.String("id", d.ID),
			slog.String("complianceState", d.ComplianceState), slog.String("was", e.ComplianceState), slog.String("failing", joinFacts(d.Failing)))
	}
	return s.revise(e, func(to *Device) { *to = d })
}

// sameStates reports whether two devices share their policy states.
func sameStates(a, b []PolicyState) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func joinFacts(facts []Fact) string {
	var b strings.Builder
	for i, f := range facts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(f))
	}
	return b.String()
}
