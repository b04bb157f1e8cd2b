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
	// Compliance is the policy assigned to all devices. Nil means that none is assigned, and a device without a
	// policy is compliant (the tenant default, facts 1.5).
	Compliance *CompliancePolicy
	// CheckIn is the interval of routine check-ins. The default is 8 h.
	CheckIn time.Duration
	// EarlyCheckIns are the times after enrolment of the check-ins that precede the routine, beside the one right
	// after enrolment. Nil means those of the device's operating system (facts 1.5): [WindowsEarlyCheckIns] or
	// [AppleEarlyCheckIns]. An empty list means none.
	EarlyCheckIns []time.Duration
	// Delays are how long it takes until each view shows what has happened.
	Delays Delays
}

// A Service is the Intune of one tenant. All methods are safe for concurrent use.
type Service struct {
	h   host.Host
	cfg Config

	mu      sync.RWMutex // guards what follows
	store   host.Store
	devices inventory // as they are
	agenda  agenda
	shelves [views]*shelf // nil for a view without a delay
	closed  bool
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
	s := &Service{h: h, cfg: cfg, store: store, devices: newInventory(len(cfg.Devices))}
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
	if c.Compliance != nil {
		return c.Compliance.check()
	}
	return nil
}

// Close ends the check-ins.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.agenda.stop()
}
