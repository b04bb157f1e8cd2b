// Package load puts a RADIUS server under load: many clients authenticate at once, by EAP or by MAC address, and what
// the server makes of it is counted and timed. There is no link layer: the EAP peers are fed from RADIUS directly.
//
// # Two ways to load
//
// With a rate, authentications begin at even intervals whether or not the server keeps up (an open loop), and the
// latency of each counts from when it was meant to begin: a server that stalls cannot hide it by slowing the load
// down. Without one, a number of clients each begin anew as soon as they are done (a closed loop), which finds out
// what the server can do.
//
// # How it works
//
// Each source port is a lane with a task of its own, which has up to 256 authentications under way, one for each
// Identifier of RADIUS. Retransmissions follow RFC 5080 section 2.2.1.
package load

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/fakeap"
	"nacsim/fakeap/eappeer"
	"nacsim/fakeap/ether"
	"nacsim/internal/host"
)

// Client is one that authenticates.
type Client struct {
	MAC ether.Addr
	// EAP is how it authenticates; nil means by its MAC address, as MAB says.
	EAP *eappeer.Config
	MAB fakeap.MABConfig
}

// Config describes a load. The zero value of a setting means its default.
type Config struct {
	// Auth is the authentication server. Acct is the accounting server, if each session is to be accounted for with
	// a Start and a Stop.
	Auth, Acct netip.AddrPort
	Secret     []byte
	// Address is the NAS-IP-Address or NAS-IPv6-Address, by default the host's.
	Address netip.Addr
	// NAS is the NAS-Identifier, "load" by default, and CalledStation the Called-Station-Id.
	NAS, CalledStation string
	// Clients authenticate one after the other, over and over. There should be more than there are authentications
	// at a time, as servers keep one session for each.
	Clients []Client
	// Rate is how many authentications begin in a second; 0 means that the next begins when one is done.
	Rate float64
	// Concurrency is how many authentications run at a time: exactly without a rate, 1 by default; at most with a
	// rate, by default as many as the lanes can have.
	Concurrency int
	// Lanes is the number of source ports: by default 8, or Concurrency if that is less.
	Lanes int
	// Count and Duration end the load when so many authentications have begun, or after so long; those under way
	// are brought to their end. At least one must be given.
	Count    int
	Duration time.Duration
	// Resume lets clients resume TLS sessions.
	Resume bool
	// Timeout is the wait for the first answer, 2 s by default, and Retries how often a request is sent again, 3 by
	// default, negative for never.
	Timeout time.Duration
	Retries int
	// Stop, once true, ends the load early.
	Stop *atomic.Bool
}

// perLane is how many requests of one source port can be told apart.
const perLane = 256

// Bounds of a load.
const (
	MaxLanes = 1024
	MaxRate  = 1e6
)

func (c Config) withDefaults() (Config, error) {
	setDefault(&c.NAS, "load")
	setDefault(&c.CalledStation, "02-00-00-00-00-01:load")
	if c.Rate == 0 {
		setDefault(&c.Concurrency, 1)
	}
	setDefault(&c.Lanes, 8)
	if c.Concurrency > 0 {
		c.Lanes = max(min(c.Lanes, c.Concurrency), (c.Concurrency+perLane-1)/perLane)
	}
	setDefault(&c.Timeout, 2*time.Second)
	setDefault(&c.Retries, 3)
	if c.Stop == nil {
		c.Stop = new(atomic.Bool)
	}
	switch {
	case !c.Auth.IsValid():
		return c, errors.New("load: no RADIUS server")
	case len(c.Secret) == 0:
		return c, errors.New("load: the RADIUS secret is empty")
	case len(c.Clients) == 0:
		return c, errors.New("load: no clients")
	case c.Count <= 0 && c.Duration <= 0:
		return c, errors.New("load: neither a number of authentications nor a duration")
	case !(c.Rate >= 0 && c.Rate <= MaxRate):
		return c, fmt.Errorf("load: rate %v, at most %v a second are possible", c.Rate, MaxRate)
	case c.Concurrency < 0 || c.Lanes < 1 || c.Lanes > MaxLanes:
		return c, fmt.Errorf("load: %d at a time from %d ports; at most %d ports with %d each are possible", c.Concurrency, c.Lanes, MaxLanes, perLane)
	}
	return c, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Run puts the server under load and blocks until the load is over. The error says that the load could not begin, or
// is host.ErrDown.
func Run(h host.Host, cfg Config) (*Report, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &run{h: h, cfg: cfg, done: h.NewSignal()}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	r.start = h.Now()
	if cfg.Duration > 0 {
		r.end = r.start.Add(cfg.Duration)
	}
	r.running = len(r.lanes)
	for _, l := range r.lanes {
		h.Go("load", func() {
			l.run()
			r.ended()
		})
	}
	for !r.over() {
		if err := r.done.Wait(time.Time{}); err != nil {
			return nil, err
		}
	}
	return r.report(), nil
}

// run is a load that is running.
type run struct {
	h       host.Host
	cfg     Config
	clients []*client
	lanes   []*lane
	start   time.Time
	end     time.Time    // of the beginning of authentications; zero for never
	begun   atomic.Int64 // authentications
	done    host.Signal
	servers servers

	mu      sync.Mutex
	running int
}

func (r *run) prepare() error {
	for i := range r.cfg.Clients {
		c, err := newClient(r.h, r.cfg, r.cfg.Clients[i])
		if err != nil {
			return err
		}
		r.clients = append(r.clients, c)
	}
	most := perLane * r.cfg.Lanes
	if r.cfg.Concurrency > 0 {
		most = r.cfg.Concurrency
	}
	for i := range r.cfg.Lanes {
		conn, err := r.h.ListenPacket(netip.AddrPortFrom(r.h.Addr(), 0))
		if err != nil {
			for _, l := range r.lanes {
				l.conn.Close()
			}
			return err
		}
		share := most / r.cfg.Lanes
		if i < most%r.cfg.Lanes {
			share++
		}
		r.lanes = append(r.lanes, newLane(r, i, conn, share))
	}
	return nil
}

func (r *run) ended() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running--
	r.done.Set()
}

func (r *run) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running == 0
}

// claim takes the next authentication, if there is one left, and returns its number.
func (r *run) claim() (n int64, ok bool) {
	if r.cfg.Stop.Load() {
		return 0, false
	}
	n = r.begun.Add(1) - 1
	if r.cfg.Count > 0 && n >= int64(r.cfg.Count) {
		r.begun.Add(-1)
		return 0, false
	}
	return n, true
}
