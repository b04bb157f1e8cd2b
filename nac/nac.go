// Package nac is a network access control: it authenticates devices and users by RADIUS and EAP, decides by a policy
// which network each may join, asks Microsoft Intune whether the device is compliant, and moves it by Change
// of Authorization when the answer changes.
//
// The work is done in the sub-packages; this one wires them together:
//
//	radiusd, eapserver   take requests and authenticate         ──┐
//	policy, identity     decide on what is known now, and explain  │ Authorize
//	session              remember what the network was told     ◀─┘
//	mdm                  ask Intune afterwards, and every two hours ──┐
//	reconcile            compare what is in force with the policy  ◀──┘ Mark
//	coa                  have the NAS re-authenticate or drop the client
//
// Authentication never waits for Intune, and nothing that is due is stored: what should be in force is
// computed again from the sessions and device records whenever one of them changes.
package nac

import (
	"fmt"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/internal/host"
	"nacsim/nac/api"
	"nacsim/nac/coa"
	"nacsim/nac/event"
	"nacsim/nac/mdm"
	"nacsim/nac/policy"
	"nacsim/nac/radiusd"
	"nacsim/nac/reconcile"
	"nacsim/nac/revocation"
	"nacsim/nac/session"
)

// A NAC is a running one. Its methods may be called from several tasks at once.
type NAC struct {
	h           host.Host
	cfg         Config
	policy      atomic.Pointer[policy.Policy]
	compliance  atomic.Pointer[policy.Mapping]
	clients     atomic.Pointer[[]radiusd.Client]
	accounts    atomic.Pointer[accounts]
	events      *event.Log
	sessions    *session.Table
	mdm         *mdm.Service
	reconciler  *reconcile.Reconciler
	radius      *radiusd.Server
	connections atomic.Pointer[radiusd.Server] // radius once it serves, for changes of authorization
	intune      intune                         // the linked Intune account
	api         *api.Server                    // nil if there is none
	class       io.Reader

	reloading  sync.Mutex          // guards what follows
	revocation *revocation.Service // nil if nobody is asked
}

// Start reads what an earlier boot of the machine has stored, compares it with the policy, and serves.
func Start(h host.Host, cfg Config) (*NAC, error) {
	if err := cfg.complete(h.Addr()); err != nil {
		return nil, err
	}
	n := &NAC{h: h, cfg: cfg, events: event.NewLog(h), class: h.Rand("class")}
	front, err := n.frontEnd(&cfg)
	if err != nil {
		return nil, err
	}
	n.install(front, &cfg)
	if n.sessions, err = session.Open(h, session.Config{Limit: cfg.MaxSessions, Events: n.events, Changed: n.sessionChanged}); err != nil {
		return nil, err
	}
	sender := coa.NewSender(h, coa.Config{Secret: n.secret, Timers: cfg.CoA.Timers, MinFirmware: cfg.CoA.MinFirmware,
		NoFallback: cfg.CoA.NoFallback, Events: n.events, Connection: n.connection})
	if cfg.MDM != nil {
		if n.mdm, err = mdm.New(h, *cfg.MDM, n); err != nil {
			return nil, err
		}
		if err := n.intune.open(n); err != nil {
			return nil, fmt.Errorf("nac: %w", err)
		}
	}
	n.reconciler = reconcile.Start(h, reconcile.Config{Sessions: n.sessions, Decide: n.decide, Send: sender.Send,
		Kind: cfg.CoA.Kind, Limits: cfg.CoA.Limits})
	if n.mdm != nil {
		n.mdm.Start()
		n.watchAccount()
	}
	if n.radius, err = radiusd.Start(h, front.radius, n); err != nil {
		return nil, fmt.Errorf("nac: %w", err)
	}
	n.connections.Store(n.radius)
	if cfg.API != nil {
		if n.api, err = api.Start(h, *cfg.API, manager{n}); err != nil {
			return nil, fmt.Errorf("nac: %w", err)
		}
	}
	return n, nil
}

// AuthAddr and AcctAddr are where RADIUS is served.
func (n *NAC) AuthAddr() netip.AddrPort { return n.radius.AuthAddr() }

// AcctAddr is where accounting is served.
func (n *NAC) AcctAddr() netip.AddrPort { return n.radius.AcctAddr() }

// Counters are what the RADIUS server has done so far.
func (n *NAC) Counters() radiusd.Counters { return n.radius.Engine().Counters() }

// Sessions is the number of clients that have a session.
func (n *NAC) Sessions() int { return n.sessions.Len() }

// Policy is the one in force.
func (n *NAC) Policy() *policy.Policy { return n.policy.Load() }

// SetPolicy replaces the policy, and has the sessions that get another answer from it re-authorized.
func (n *NAC) SetPolicy(p *policy.Policy) {
	n.policy.Store(p)
	n.reconciler.MarkAll("policy changed")
}

// decide evaluates the policy for a session on what is known now.
func (n *NAC) decide(now time.Time, s *session.Session) policy.Decision {
	d, _ := n.judge(now, s)
	return d
}

// judge evaluates the policy for a session, and returns what is known of its device too.
func (n *NAC) judge(now time.Time, s *session.Session) (policy.Decision, policy.MDM) {
	r := s.Request
	if refusal := n.account(&r); refusal != "" {
		return policy.Decision{Reason: refusal, MDM: policy.Unknown, At: now}, policy.MDM{Why: "it was not asked for"}
	}
	r.MDM = n.mdmState(r.MAC, s.Keys())
	return n.Policy().Decide(now, r), r.MDM
}

// secret is the one shared with a NAS: that of the client with the longest prefix.
func (n *NAC) secret(nas netip.Addr) (secret []byte, ok bool) {
	bits := -1
	clients := *n.clients.Load()
	for i := range clients {
		if c := &clients[i]; c.Prefix.Contains(nas.Unmap()) && c.Prefix.Bits() > bits {
			secret, bits = c.Secret, c.Prefix.Bits()
		}
	}
	return secret, bits >= 0
}
