package fakeap

import (
	"encoding/hex"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"nacsim/fakeap/das"
	"nacsim/fakeap/dot11"
	"nacsim/fakeap/eapol"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/wpa"
	"nacsim/internal/host"
)

// nas is what access points and switches have in common: the authenticators of their clients, the RADIUS
// conversations, sessions and accounting, and the dynamic authorization server.
//
// Everything that happens to a client happens under the mutex: a frame, a reply, a timer, a request of a dynamic
// authorization client. Nothing blocks under it: waiting for RADIUS is done by a task for each request.
type nas struct {
	h      host.Host
	cfg    Settings
	link   access
	radius radiusClient
	tunnel *tunnel     // nil with UDP
	das    *das.Engine // nil when there is none

	portType    rfc2865.NASPortType
	connectInfo string
	firmware    string
	nonces, ids io.Reader
	address     netip.Addr
	nasAttrs    lr.Attributes // NAS-IP-Address or NAS-IPv6-Address, NAS-Identifier

	mu      sync.Mutex
	clients map[ether.Addr]*client
	senders int         // tasks that send accounting records
	drained host.Signal // set when there are none; nil unless the NAS goes down
}

// access is the link layer under the authenticators. Its methods are called with the mutex held.
type access interface {
	// transmit sends an EAPOL PDU to a client.
	transmit(c *client, pdu []byte)
	// expel tells a client that it is no longer authorized. It reports whether the client is thereby detached
	// from the link and has to be forgotten.
	expel(c *client, reason dot11.Reason) (detached bool)
	// calledStation is the Called-Station-Id of a client's point of access.
	calledStation(c *client) string
}

// PortState is the state of a client's controlled port.
type PortState string

// States of a port.
const (
	Unauthorized   PortState = "unauthorized"
	Authenticating PortState = "authenticating"
	Authorized     PortState = "authorized"
	Held           PortState = "held"
)

// client is a station on a link.
type client struct {
	mac    ether.Addr
	port   string // NAS-Port-Id
	number uint32 // NAS-Port
	ssid   string
	cable  *switchPort // on a switch

	auth    authenticator
	talk    *conversation      // with the RADIUS server, while one is running
	byMAC   bool               // authenticated by its address, now or last
	keys    *wpa.Authenticator // on wireless
	pending *authorization     // accepted, but the 4-way handshake is not over
	session *session           // nil while not authorized
	state   PortState

	timer host.Timer
	armed time.Time // when the timer fires

	frames dot11.Duplicates
}

func newNAS(h host.Host, cfg Settings, link access) *nas {
	n := &nas{
		h: h, cfg: cfg, link: link,
		radius:  radiusClient{h: h, cfg: cfg.RADIUS},
		nonces:  h.Rand("nas/nonce"),
		ids:     h.Rand("nas/session"),
		clients: map[ether.Addr]*client{},
	}
	n.address = cfg.Address
	if !n.address.IsValid() {
		n.address = h.Addr()
	}
	n.nasAttrs = nasAttributes(n.address, cfg.Name)
	return n
}

// start opens what every NAS has.
func (n *nas) start() error {
	if err := n.startDAS(); err != nil {
		return err
	}
	if n.cfg.RADIUS.RadSec != nil {
		n.tunnel = newTunnel(n.h, n.cfg.RADIUS.RadSec, n.handler)
		n.h.Go("radsec", n.tunnel.run)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reportNAS(rfc2866.AcctStatusType_Value_AccountingOn, n.h.Now())
	return nil
}

// add begins to serve a client and asks for its identity.
func (n *nas) add(c *client, now time.Time) {
	if n.drained != nil {
		return // it goes down
	}
	n.clients[c.mac] = c
	c.auth.patience = n.patience()
	n.setState(c, Authenticating, "")
	n.authenticate(c, now)
}

// authenticate begins an authentication: by MAC address where that comes first or is how the client got its session,
// otherwise by 802.1X.
func (n *nas) authenticate(c *client, now time.Time) {
	if n.cfg.MAB.Mode == MABOnly || n.cfg.MAB.Mode == MABFirst && c.session == nil || c.byMAC && c.session != nil {
		n.authenticateMAC(c, now)
		return
	}
	c.byMAC = false
	n.apply(c, c.auth.start(now), now)
}

// remove forgets a client and whatever runs for it.
func (n *nas) remove(c *client) {
	n.hangUp(c)
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if n.clients[c.mac] == c {
		delete(n.clients, c.mac)
	}
}

// setState traces a change of a client's port, and a change of the VLAN in force on it.
func (n *nas) setState(c *client, s PortState, reason string) {
	if s == c.state && reason == "" {
		return
	}
	c.state = s
	fields := make([]slog.Attr, 0, 7)
	fields = append(fields, slog.String("client", c.mac.String()), slog.String("port", c.port))
	if c.ssid != "" {
		fields = append(fields, slog.String("ssid", c.ssid))
	}
	fields = append(fields, slog.String("state", string(s)))
	if c.session != nil && s == Authorized {
		fields = append(fields, slog.String("vlan", c.session.vlan))
		if c.session.role != "" {
			fields = append(fields, slog.String("role", c.session.role))
		}
		if c.byMAC && !c.session.local {
			fields = append(fields, slog.String("method", "mab"))
		}
	}
	if reason != "" {
		fields = append(fields, slog.String("reason", reason))
	}
	n.h.Trace("port", fields...)
}

// receiveEAPOL takes the payload of an EAPOL frame of a known client.
func (n *nas) receiveEAPOL(c *client, payload []byte, now time.Time) {
	if n.cfg.MAB.Mode == MABOnly {
		return
	}
	if c.auth.state == authHeld {
		n.expire(c, now) // the frame may be ahead of the timer
	}
	pdu, err := eapol.Parse(payload)
	if err != nil || c.auth.state == authHeld {
		return
	}
	switch pdu.Type {
	case eapol.TypeStart:
		n.authenticate8021X(c, now)
	case eapol.TypeLogoff:
		n.end(c, now, rfc2866.AcctTerminateCause_Value_UserRequest, dot11.ReasonAuthExpired, "client logged off")
	case eapol.TypeEAP:
		n.apply(c, c.auth.response(pdu.Body, now), now)
	case eapol.TypeKey:
		if c.keys != nil {
			n.applyKeys(c, c.keys.Receive(payload, now), now)
		}
	}
}

// reauthenticate authenticates again. An authorization in force stays until the result is there.
func (n *nas) reauthenticate(c *client, now time.Time) {
	n.abandon(c)
	if c.session == nil {
		n.setState(c, Authenticating, "")
	}
	n.authenticate(c, now)
}

// authenticate8021X runs 802.1X for a client that has started it.
func (n *nas) authenticate8021X(c *client, now time.Time) {
	n.abandon(c)
	if c.session == nil {
		n.setState(c, Authenticating, "")
	}
	c.byMAC = false
	n.apply(c, c.auth.start(now), now)
}

// apply carries out what the authenticator wants.
func (n *nas) apply(c *client, o authOutput, now time.Time) {
	if o.toClient != nil {
		n.transmit(c, o.toClient)
	}
	if o.toServer != nil {
		n.ask(c, o)
	}
	if o.silent {
		n.silent(c, now, o.unheard)
	}
}

// silent follows a client that has not answered: unheard, not even said who it is.
func (n *nas) silent(c *client, now time.Time, unheard bool) {
	if !unheard || n.cfg.MAB.Mode == MABOff {
		n.concludeFailed(c, now, denial{result: NoClient, reason: "client does not answer"})
	}
	switch n.hangUp(c); {
	case unheard && n.cfg.MAB.Mode == MABFallback:
		n.authenticateMAC(c, now)
	case unheard && n.cfg.MAB.Mode == MABFirst && c.session == nil:
		n.refuse(c, now, "client does not answer")
	case unheard && n.cfg.GuestVLAN != "" && c.keys == nil:
		n.authorize(c, now, n.localAuthorization(c, n.cfg.GuestVLAN, 0, "guest"))
	default:
		n.end(c, now, rfc2866.AcctTerminateCause_Value_LostCarrier, dot11.ReasonAuthExpired, "client does not answer")
	}
}

func (n *nas) transmit(c *client, packet []byte) {
	n.link.transmit(c, eapol.PDU{Type: eapol.TypeEAP, Body: packet}.Append(make([]byte, 0, 4+len(packet))))
}

func (n *nas) newSessionID() (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(n.ids, b[:]); err != nil {
		return "", err
	}
	return strings.ToUpper(hex.EncodeToString(b[:])), nil
}

// expire does what is due for a client.
func (n *nas) expire(c *client, now time.Time) {
	n.apply(c, c.auth.expire(now), now)
	if c.state == Held && c.auth.state != authHeld {
		n.setState(c, Unauthorized, "quiet period is over")
		if n.cfg.MAB.Mode != MABOff { // a client that has not heard of its refusal would not speak up
			n.reauthenticate(c, now)
		}
	}
	if n.clients[c.mac] == c && c.keys != nil {
		n.applyKeys(c, c.keys.Timeout(now), now)
	}
	if n.clients[c.mac] == c {
		n.expireSession(c, now)
	}
}

// arm sets the client's timer to the next thing that is due. A timer that fires too early costs less than one
// that is set anew for every packet, so only an earlier deadline replaces it.
func (n *nas) arm(c *client, now time.Time) {
	next := earliest(c.auth.deadline, c.session.deadline())
	if c.keys != nil {
		next = earliest(next, c.keys.Deadline())
	}
	switch {
	case n.clients[c.mac] != c:
		return
	case c.timer != nil && !next.IsZero() && !next.Before(c.armed):
		return
	case c.timer != nil:
		c.timer.Stop()
		c.timer = nil
	}
	if next.IsZero() {
		return
	}
	c.armed = next
	c.timer = n.h.AfterFunc(next.Sub(now), func() { n.due(c, next) })
}

// due runs when a client's timer fires.
func (n *nas) due(c *client, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.clients[c.mac] != c || !c.armed.Equal(at) {
		return
	}
	c.timer = nil
	now := n.h.Now()
	n.expire(c, now)
	n.arm(c, now)
}

// earliest returns the earlier of two times of which zero means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// ClientState is a client as a management system would show it.
type ClientState struct {
	MAC ether.Addr
	// Port is its NAS-Port-Id, for example "sw-1/3" or "ap-1/corp".
	Port  string
	State PortState
	// VLAN and SessionID (Acct-Session-Id) are empty unless the client is authorized. During a re-authentication
	// it still is.
	VLAN, SessionID string
	// User is the User-Name of the session.
	User string
}

// list returns the clients in the order of their addresses.
func (n *nas) list() []ClientState {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]ClientState, 0, len(n.clients))
	for _, mac := range slices.SortedFunc(maps.Keys(n.clients), ether.Addr.Compare) {
		c := n.clients[mac]
		s := ClientState{MAC: c.mac, Port: c.port, State: c.state}
		if c.session != nil {
			s.VLAN, s.SessionID, s.User = c.session.vlan, c.session.id, c.session.user
		}
		list = append(list, s)
	}
	return list
}

// portID names a point of access, for NAS-Port-Id and the trace.
func (n *nas) portID(part string) string { return n.cfg.Name + "/" + part }

func (n *nas) wiredPortID(number int) string { return n.portID(strconv.Itoa(number)) }
