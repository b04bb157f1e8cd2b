package intune

import (
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

// earlyCheckIns are those of one device.
func (c *Config) earlyCheckIns(operatingSystem string) []time.Duration {
	if c.EarlyCheckIns != nil {
		return c.EarlyCheckIns
	}
	for _, apple := range []string{"ios", "ipados", "macos"} {
		if strings.EqualFold(operatingSystem, apple) {
			return appleEarly
		}
	}
	return windowsEarly
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

// arm schedules the device's next check-in. The caller holds the lock, and winds the timer afterwards.
func (s *Service) arm(e *entry) {
	if e.Off {
		s.agenda.strike(e) // it is armed again when it is switched on
		return
	}
	s.agenda.note(e, e.NextCheckIn)
}

// attend does what is due about a device that has been taken off the agenda. The caller holds the lock.
func (s *Service) attend(e *entry, now time.Time) {
	// A machine that is going down refuses to store the check-in; the device checks in again after the boot.
	if s.checkIn(e, now, s.cfg.nextCheckIn(e.Enrolled, now, e.OperatingSystem)) == nil && s.devices.byID[e.ID] == e {
		s.arm(e)
	}
}

// checkIn lets a device report: it is evaluated against the policy, or removed when it was to be retired. The
// caller holds the lock.
func (s *Service) checkIn(e *entry, now, next time.Time) error {
	if e.ManagementState == retirePending {
		return s.drop(e)
	}
	was := e.ComplianceState
	return s.revise(e, func(d *Device) {
		d.LastSync, d.NextCheckIn = now, next
		s.cfg.Compliance.evaluate(d, now)
		s.h.Trace("check_in", slog.String("device", d.Name), slog.String("complianceState", d.ComplianceState),
			slog.String("was", was), slog.String("failing", joinFacts(d.Failing)), slog.String("id", d.ID))
	})
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
