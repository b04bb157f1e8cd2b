package intune

import (
	"fmt"
	"sync"
	"time"

	"nacsim/internal/host"
)

// A Config describes the devices of a tenant. The zero value of an optional field means the default that its comment
// names.
type Config struct {
	// Devices are enrolled when the machine boots for the first time. Later boots find them in the store.
	Devices []DeviceConfig
	// MaxDevices bounds the number of devices. The default is 200,000.
	MaxDevices int
	// Policies are the compliance policies. A change by [Service.SetPolicies] outlives a restart, until Policies change.
	Policies []CompliancePolicy
	// NoPolicyFails makes a device that no policy is for noncompliant. By default it is compliant (facts 1.5).
	NoPolicyFails bool
	// Validity is how long a status is valid without a check-in; then the device is noncompliant. The default is 30 days
	// (facts 1.5); a negative one means for ever.
	Validity time.Duration
	// GraceEndsAtOnce makes a device noncompliant at the moment when its grace period ends. By default that takes the next
	// evaluation, which is at a check-in.
	GraceEndsAtOnce bool
	// InGroup reports whether a user, by user principal name, is in a group, by id or name. Without it groups are empty.
	InGroup func(user, group string) bool
	// CheckIn is the interval of routine check-ins. The default is 8 h.
	CheckIn time.Duration
	// EarlyCheckIns are the times after enrolment of the check-ins that precede the routine, beside the one right
	// after enrolment. Nil means those of the device's operating system (facts 1.5): [WindowsEarlyCheckIns] or
	// [AppleEarlyCheckIns]. An empty list means none.
	EarlyCheckIns []time.Duration
	// Jitter is how much later than its schedule a routine check-in is at most. The default is 0.
	Jitter time.Duration
	// Delays are how long it takes until each view shows what has happened.
	Delays Delays
}

// A Service is the Intune of one tenant. All methods are safe for concurrent use.
type Service struct {
	h   host.Host
	cfg Config

	mu       sync.RWMutex // guards what follows
	store    host.Store
	devices  inventory // as they are
	agenda   agenda
	shelves  [views]*shelf // nil for a view without a delay
	policies []CompliancePolicy
	shared   map[string][]PolicyState // by what they say
	closed   bool
}

// Open loads the devices of earlier boots, or enrols those of the configuration at the first one, and starts their
// check-ins.
func Open(h host.Host, cfg Config) (*Service, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	store, err := h.Store("intune")
	if err != nil {
		return nil, fmt.Errorf("open the device store: %w", err)
	}
	s := &Service{h: h, cfg: cfg, store: store, devices: newInventory(len(cfg.Devices)), shared: map[string][]PolicyState{}}
	return s, s.boot()
}

// complete fills in defaults and reports what cannot work.
func (c *Config) complete() error {
	if c.MaxDevices == 0 {
		c.MaxDevices = 200_000
	}
	if c.CheckIn == 0 {
		c.CheckIn = 8 * time.Hour
	}
	if c.CheckIn < time.Second {
		return fmt.Errorf("check-in interval %v is shorter than a second", c.CheckIn)
	}
	for v := range views {
		if d := c.Delays.of(v); d < 0 {
			return fmt.Errorf("visibility delay %v is negative", d)
		}
	}
	for i, d := range c.EarlyCheckIns {
		if d <= 0 || i > 0 && d <= c.EarlyCheckIns[i-1] {
			return fmt.Errorf("early check-in %v: times after enrolment must be positive and ascending", d)
		}
	}
	if c.Validity == 0 {
		c.Validity = 30 * 24 * time.Hour
	}
	if c.Jitter < 0 || c.Jitter >= c.CheckIn {
		return fmt.Errorf("jitter %v is not within 0 and the check-in interval %v", c.Jitter, c.CheckIn)
	}
	var err error
	c.Policies, err = checkPolicies(c.Policies)
	return err
}

// Close ends the check-ins.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.agenda.stop()
}
