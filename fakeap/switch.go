package fakeap

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/eapol"
	"nacsim/fakeap/ether"
	"nacsim/internal/eap"
	"nacsim/internal/host"
)

// Switch is a wired switch with 802.1X on every port. Several clients on a port are authenticated each for itself.
// Its methods may be called from any task, also of other hosts; none of them blocks.
type Switch struct {
	*nas
	cfg   SwitchConfig
	ports []*switchPort
}

// switchPort is one socket of a switch.
type switchPort struct {
	number int
	mac    ether.Addr
	link   host.Port
}

// StartSwitch opens a switch on the cables "Name/1", "Name/2" … and asks whoever is plugged in for an identity.
// It writes lines of the kinds "port", "das" and "drop" to the host's trace. The error names a wrong setting or a
// port in use.
func StartSwitch(h host.Host, cfg SwitchConfig) (*Switch, error) {
	cfg, err := cfg.withDefaults(h.Name())
	if err != nil {
		return nil, err
	}
	s := &Switch{cfg: cfg}
	s.nas = newNAS(h, cfg.Settings, s)
	s.portType, s.connectInfo = rfc2865.NASPortType_Value_Ethernet, "CONNECT 1000Mbps Full duplex"
	if err := s.plug(); err != nil {
		s.unplug()
		return nil, err
	}
	if err := s.start(); err != nil {
		s.unplug()
		return nil, err
	}
	for _, p := range s.ports {
		p.send(ether.PAEGroup, greeting)
		h.Go("port", func() { s.run(p) })
	}
	return s, nil
}

// greeting is the EAP request a port sends when it comes up (IEEE 802.1X-2010 clause 8.4): the answer to it brings a
// client that has not noticed that the switch was away.
var greeting = eapol.PDU{Type: eapol.TypeEAP, Body: eap.Packet{Code: eap.Request, Type: eap.TypeIdentity}.Append(nil)}.Append(nil)

// plug attaches the ports to their cables.
func (s *Switch) plug() error {
	for i := 1; i <= s.cfg.Ports; i++ {
		p := &switchPort{number: i, mac: addTo(s.cfg.MAC, i)}
		link, err := s.h.Attach(host.Medium{Kind: host.Cable, Name: s.wiredPortID(i)}, p.mac.Hardware())
		if err != nil {
			return fmt.Errorf("fakeap: port %d: %w", i, err)
		}
		p.link = link
		s.ports = append(s.ports, p)
	}
	return nil
}

func (s *Switch) unplug() {
	for _, p := range s.ports {
		p.link.Close()
	}
}

// addTo returns the address n after a, within the same organization.
func addTo(a ether.Addr, n int) ether.Addr {
	low := int(a[3])<<16 | int(a[4])<<8 | int(a[5])
	low += n
	a[3], a[4], a[5] = byte(low>>16), byte(low>>8), byte(low)
	return a
}

// AnswerCoA makes the dynamic authorization server answer the next count requests with a NAK of the given
// Error-Cause, for example 503.
func (s *Switch) AnswerCoA(errorCause, count int) { s.answerCoA(errorCause, count) }

// Clients returns the clients on all ports in the order of their addresses.
func (s *Switch) Clients() []ClientState { return s.list() }

func (s *Switch) run(p *switchPort) {
	for {
		frame, err := p.link.ReadFrame(time.Time{})
		switch {
		case err == nil:
			s.receive(p, frame)
		case errors.Is(err, host.ErrNoCarrier):
			s.carrierLost(p)
		default:
			return
		}
	}
}

func (s *Switch) receive(p *switchPort, frame []byte) {
	f, err := ether.Parse(frame)
	if err != nil || f.Src.IsGroup() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.h.Now()
	c := s.clients[f.Src]
	if c != nil && c.cable != p {
		s.move(c, now)
		c = nil
	}
	switch {
	case c == nil:
		c = s.admit(p, f.Src, now)
	case f.Type != ether.TypeEAPOL && s.cfg.MAB.Mode != MABOff && c.idle():
		s.reauthenticate(c, now)
	case f.Type == ether.TypeEAPOL && (f.Dst == ether.PAEGroup || f.Dst == p.mac):
		s.receiveEAPOL(c, f.Payload, now)
	}
	if c != nil {
		s.arm(c, now)
	}
}

// admit begins to serve a new client, whatever frame it was noticed by. A port that is full forgets a client that
// is neither authorized nor about to be; if there is none, the new one is ignored.
func (s *Switch) admit(p *switchPort, mac ether.Addr, now time.Time) *client {
	count := 0
	var useless *client
	for _, c := range s.clients { // order-free: the lowest address is chosen
		if c.cable != p {
			continue
		}
		count++
		if c.session == nil && c.talk == nil && !c.auth.busy() && (useless == nil || c.mac.Compare(useless.mac) < 0) {
			useless = c
		}
	}
	if count >= s.cfg.MaxClients {
		if useless == nil {
			return nil
		}
		s.remove(useless)
	}
	c := &client{mac: mac, port: s.wiredPortID(p.number), number: uint32(p.number), cable: p}
	s.add(c, now)
	return c
}

// move ends the session of a client that has turned up on another port.
func (s *Switch) move(c *client, now time.Time) {
	s.stop(c, now, rfc2866.AcctTerminateCause_Value_LostCarrier)
	s.setState(c, Unauthorized, "client moved to another port")
	s.remove(c)
}

// carrierLost ends the sessions of a port whose cable was unplugged or whose client is gone.
func (s *Switch) carrierLost(p *switchPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.h.Now()
	for _, mac := range slices.SortedFunc(maps.Keys(s.clients), ether.Addr.Compare) {
		c := s.clients[mac]
		if c.cable != p {
			continue
		}
		s.stop(c, now, rfc2866.AcctTerminateCause_Value_LostCarrier)
		s.setState(c, Unauthorized, "no carrier")
		s.remove(c)
	}
}

// send sends to a station, or with the group address to whoever is at the other end.
func (p *switchPort) send(to ether.Addr, pdu []byte) {
	f := ether.Frame{Dst: to, Src: p.mac, Type: ether.TypeEAPOL, Payload: pdu}
	_ = p.link.WriteFrame(f.Append(nil)) // a frame that cannot be sent is a frame lost: the timers deal with it
}

func (s *Switch) transmit(c *client, pdu []byte) { c.cable.send(c.mac, pdu) }

// expel leaves the client on its cable, where it hears no more than EAPOL.
func (s *Switch) expel(*client, dot11.Reason) (detached bool) { return false }

func (s *Switch) calledStation(c *client) string { return c.cable.mac.Station() }
