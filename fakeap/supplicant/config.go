package supplicant

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/internal/host"
)

// Config describes a supplicant. The zero value of a setting means its default.
type Config struct {
	// MAC is the station's address on every link. A randomized one is just another address.
	MAC ether.Addr
	// Config is who the station is and whom it believes; see package eappeer.
	eappeer.Config
	// Finished is told the last answer of each authentication, which has the keys. It must not block, nor call
	// methods of the station.
	Finished func(eappeer.Answer)
	// Resume keeps the TLS session, and resumes it in the next authentication, as some profiles do anyway.
	Resume bool
	// NoRetry makes the supplicant give up at the first failure or loss of the link instead of trying again.
	NoRetry bool
	// MaxFailures is after how many refusals in a row the supplicant gives up; 3 by default, negative for never.
	MaxFailures int
	// Timers are the periods the supplicant waits.
	Timers Timers
}

// Timers are the periods of a supplicant. A profile has its own.
type Timers struct {
	// Start is the period of EAPOL-Start on a cable and MaxStart how often it is sent (IEEE 802.1X-2010
	// clause 8.5: startPeriod 30 s, maxStart 3).
	Start    time.Duration
	MaxStart int
	// Auth is how long a started authentication may be silent; 30 s (authPeriod).
	Auth time.Duration
	// Held is the wait after a refusal; 60 s (heldPeriod).
	Held time.Duration
	// Associate is the wait for an answer to a management frame, and Handshake that for the end of the 4-way
	// handshake; 500 ms and 10 s. Each management frame is sent three times.
	Associate, Handshake time.Duration
	// RetryMin is the first wait after the loss of a link; it doubles with each vain attempt up to RetryMax.
	// 1 s and 30 s.
	RetryMin, RetryMax time.Duration
}

const (
	managementTries    = 3
	defaultMaxFailures = 3
)

// Link is a network to connect to.
type Link struct {
	// Medium is the cable to plug in or the radio channel to tune to.
	Medium host.Medium
	// SSID is the wireless network, at most 32 octets.
	SSID string
	// BSSID chooses one access point among those that offer the SSID; zero takes the first to answer.
	BSSID ether.Addr
	// Name says in the trace what is connected to; by default the medium's name.
	Name string
}

func (l Link) wireless() bool { return l.Medium.Kind == host.Radio }

func (l Link) check() error {
	switch {
	case l.Medium.Name == "":
		return errors.New("supplicant: link without a medium name")
	case l.wireless() && l.SSID == "":
		return errors.New("supplicant: wireless link without an SSID")
	case len(l.SSID) > dot11.MaxSSID:
		return fmt.Errorf("supplicant: SSID %s has %d octets, at most %d are possible", strconv.Quote(l.SSID), len(l.SSID), dot11.MaxSSID)
	}
	return nil
}

// withDefaults checks the configuration and fills in what is not set.
func (c Config) withDefaults() (Config, error) {
	if c.MAC == (ether.Addr{}) || c.MAC.IsGroup() {
		return c, fmt.Errorf("supplicant: MAC address %v is not a station's", c.MAC)
	}
	var err error
	if c.Config, err = c.Config.WithDefaults(); err != nil {
		return c, fmt.Errorf("supplicant: %w", err)
	}
	t := &c.Timers
	if p, ok := eappeer.ProfileNamed(c.Profile); ok {
		c.Resume = c.Resume || p.Resumes
		setDefault(&c.MaxFailures, p.MaxFailures)
		setDefault(&t.Start, p.Start)
		setDefault(&t.MaxStart, p.MaxStart)
		setDefault(&t.Auth, p.Auth)
		setDefault(&t.Held, p.Held)
	}
	if c.Resume && c.Sessions == nil {
		c.Sessions = new(eappeer.Session)
	}
	setDefault(&c.MaxFailures, defaultMaxFailures)
	setDefault(&t.Start, 30*time.Second)
	setDefault(&t.MaxStart, 3)
	setDefault(&t.Auth, 30*time.Second)
	setDefault(&t.Held, 60*time.Second)
	setDefault(&t.Associate, 500*time.Millisecond)
	setDefault(&t.Handshake, 10*time.Second)
	setDefault(&t.RetryMin, time.Second)
	setDefault(&t.RetryMax, 30*time.Second)
	return c, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
