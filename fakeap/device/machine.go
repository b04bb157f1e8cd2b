package device

import (
	"encoding/binary"
	"time"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
)

// phase is what the machine waits for.
type phase uint8

const (
	phaseOff       phase = iota // nothing
	phaseWired                  // the next time to ask for an address
	phaseProbe                  // Probe Response
	phaseOpen                   // Authentication
	phaseAssociate              // Association Response
	phaseJoined                 // nothing, until it is expelled
)

// DHCPDISCOVER is sent again after 4 s, then after twice as long each time up to 64 s (RFC 2131 section 4.1).
const (
	discoverMin = 4 * time.Second
	discoverMax = 64 * time.Second
)

// machine is the device on one link. Frames and the time go in; frames and changes come out through the fields out
// and changes, which the driver empties after each call.
type machine struct {
	mac  ether.Addr
	link supplicant.Link

	phase    phase
	deadline time.Time
	wait     time.Duration // before the next DHCPDISCOVER
	seconds  time.Time     // since when it asks
	bssid    ether.Addr
	sequence uint16
	state    supplicant.State

	out     [][]byte
	changes []supplicant.State
}

func (m *machine) connect(now time.Time) {
	if m.link.Medium.Kind == host.Radio {
		m.become(supplicant.Associating)
		m.phase, m.bssid = phaseProbe, m.link.BSSID
		m.transmit(now)
		return
	}
	m.become(supplicant.Connected)
	m.phase, m.wait, m.seconds = phaseWired, discoverMin, now
	m.discover(now)
}

func (m *machine) become(s supplicant.State) {
	if s != m.state {
		m.state = s
		m.changes = append(m.changes, s)
	}
}

// discover asks for an IP address, which is what a device does first, and by which it is noticed.
func (m *machine) discover(now time.Time) {
	f := ether.Frame{Dst: ether.Broadcast, Src: m.mac, Type: typeIPv4, Payload: discover(m.mac, now.Sub(m.seconds))}
	m.out = append(m.out, f.Append(nil))
	m.deadline = now.Add(m.wait)
	m.wait = min(2*m.wait, discoverMax)
}

// transmit sends the management frame of the phase.
func (m *machine) transmit(now time.Time) {
	var frame []byte
	switch m.phase {
	case phaseProbe:
		whom := m.link.BSSID
		if whom == (ether.Addr{}) {
			whom = ether.Broadcast
		}
		frame = dot11.NewProbeRequest(whom, m.mac, m.link.SSID)
	case phaseOpen:
		frame = dot11.NewAuthentication(m.bssid, m.mac, m.bssid, dot11.AuthenticationBody{Sequence: 1})
	case phaseAssociate:
		frame = dot11.NewOpenAssociationRequest(m.mac, m.bssid, m.link.SSID)
	}
	m.send(frame)
	m.deadline = now.Add(retry)
}

func (m *machine) send(frame []byte) {
	m.sequence++
	dot11.SetSequence(frame, m.sequence)
	m.out = append(m.out, frame)
}

func (m *machine) expire(now time.Time) {
	switch {
	case m.deadline.IsZero() || now.Before(m.deadline):
	case m.phase == phaseWired:
		m.discover(now)
	default:
		m.phase = phaseProbe
		m.become(supplicant.Associating)
		m.transmit(now)
	}
}

// lost follows the loss of the link.
func (m *machine) lost(now time.Time) {
	if m.phase == phaseWired { // plugged in still: the other end will be back
		m.wait, m.seconds, m.deadline = discoverMin, now, now.Add(retry)
		return
	}
	m.become(supplicant.Disconnected)
	m.phase, m.deadline = phaseProbe, now.Add(retry)
}

func (m *machine) receive(frame []byte, now time.Time) {
	f, err := dot11.Parse(frame)
	if m.link.Medium.Kind != host.Radio || err != nil || f.Addr1 != m.mac && f.Addr1 != ether.Broadcast {
		return
	}
	switch {
	case f.Kind == dot11.ProbeResponse && m.phase == phaseProbe:
		ssid, rsn, err := dot11.ParseProbeResponse(f)
		if err == nil && ssid == m.link.SSID && rsn == nil && (m.link.BSSID == ether.Addr{} || m.link.BSSID == f.Addr2) {
			m.bssid, m.phase = f.Addr2, phaseOpen
			m.transmit(now)
		}
	case f.Addr2 != m.bssid:
	case f.Kind == dot11.Authentication && m.phase == phaseOpen:
		if a, err := dot11.ParseAuthentication(f); err == nil && a.Sequence == 2 && a.Status == dot11.StatusSuccess {
			m.phase = phaseAssociate
			m.transmit(now)
		}
	case f.Kind == dot11.AssociationResponse && m.phase == phaseAssociate:
		if status, _, err := dot11.ParseAssociationResponse(f); err == nil && status == dot11.StatusSuccess {
			m.phase, m.deadline = phaseJoined, time.Time{}
			m.become(supplicant.Connected)
		}
	case (f.Kind == dot11.Deauthentication || f.Kind == dot11.Disassociation) && m.phase == phaseJoined:
		m.lost(now)
	}
}

// leave says goodbye, where there is somebody to hear it.
func (m *machine) leave() {
	if m.phase == phaseJoined {
		m.send(dot11.NewDeauthentication(m.bssid, m.mac, m.bssid, dot11.ReasonLeaving))
	}
	m.phase, m.deadline = phaseOff, time.Time{}
	m.become(supplicant.Disconnected)
}

const typeIPv4 = 0x0800

// discover is an IPv4 packet with a DHCPDISCOVER (RFC 2131 section 4.4.1) of a client that has asked for a while.
func discover(mac ether.Addr, since time.Duration) []byte {
	bootp := make([]byte, 240, 300)
	copy(bootp, []byte{1, 1, 6, 0}) // BOOTREQUEST, Ethernet
	copy(bootp[4:], mac[2:])        // transaction
	binary.BigEndian.PutUint16(bootp[8:], uint16(min(since/time.Second, 0xffff)))
	copy(bootp[28:], mac[:])
	copy(bootp[236:], []byte{0x63, 0x82, 0x53, 0x63})
	bootp = append(bootp, 53, 1, 1, 55, 3, 1, 3, 6, 255) // message type; wanted: mask, router, DNS
	bootp = bootp[:cap(bootp)]
	udp := make([]byte, 8, 8+len(bootp)) // a checksum of 0 is none
	binary.BigEndian.PutUint16(udp, 68)
	binary.BigEndian.PutUint16(udp[2:], 67)
	binary.BigEndian.PutUint16(udp[4:], uint16(8+len(bootp)))
	ip := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255}
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+8+len(bootp)))
	binary.BigEndian.PutUint16(ip[10:], checksum(ip))
	return append(append(ip, udp...), bootp...)
}

// checksum is that of an IPv4 header (RFC 791 section 3.1).
func checksum(header []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
