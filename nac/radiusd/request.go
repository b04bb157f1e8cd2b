package radiusd

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"
)

// A Request is what a RADIUS request says about the client and where it is connected. Absent attributes are zero.
type Request struct {
	Received time.Time
	From     netip.AddrPort // source of the datagram, or the other end of the connection
	Client   Client         // whose request it is

	Transport Transport

	UserName      string // as the NAS copied it from the EAP identity
	NASIdentifier string
	NASAddress    netip.Addr // NAS-IP-Address or NAS-IPv6-Address
	NASPort       uint32
	NASPortID     string
	NASPortType   uint32 // 19 is Wireless-802.11, 15 Ethernet (RFC 2865 section 5.41)
	ServiceType   uint32

	CallingStation string           // Calling-Station-Id as sent
	ClientMAC      net.HardwareAddr // the same, parsed; nil if it is no MAC address
	CalledStation  string           // Called-Station-Id as sent
	CalledMAC      net.HardwareAddr // BSSID, or MAC address of the switch port
	SSID           string

	FramedMTU          uint32
	ConnectInfo        string
	AcctSessionID      string
	AcctMultiSessionID string
	Firmware           string // version of the access point

	// Attributes are all of them.
	Attributes lr.Attributes
}

// NAS is the address of the NAS: the source of the datagram, as NAS-IP-Address is only what it claims.
func (r *Request) NAS() netip.Addr { return r.From.Addr().Unmap() }

// CoAAddr is where the NAS listens for dynamic authorization.
func (r *Request) CoAAddr() netip.AddrPort { return netip.AddrPortFrom(r.NAS(), r.Client.CoAPort) }

// newRequest reads the attributes in one pass. A malformed one counts as absent: a NAS that writes a bad NAS-Port
// still has clients that want to authenticate. Of one that is repeated the first counts.
func newRequest(now time.Time, from Source, client *Client, p *lr.Packet) *Request {
	r := &Request{Received: now, From: from.Addr, Client: *client, Transport: from.Transport, Attributes: p.Attributes}
	for _, a := range p.Attributes {
		v := a.Attribute
		switch a.Type {
		case rfc2865.UserName_Type:
			setText(&r.UserName, v)
		case rfc2865.NASIdentifier_Type:
			setText(&r.NASIdentifier, v)
		case rfc2865.NASIPAddress_Type:
			setAddress(&r.NASAddress, v, 4)
		case rfc3162.NASIPv6Address_Type:
			setAddress(&r.NASAddress, v, 16)
		case rfc2865.NASPort_Type:
			setInteger(&r.NASPort, v)
		case rfc2869.NASPortID_Type:
			setText(&r.NASPortID, v)
		case rfc2865.NASPortType_Type:
			setInteger(&r.NASPortType, v)
		case rfc2865.ServiceType_Type:
			setInteger(&r.ServiceType, v)
		case rfc2865.FramedMTU_Type:
			setInteger(&r.FramedMTU, v)
		case rfc2869.ConnectInfo_Type:
			setText(&r.ConnectInfo, v)
		case rfc2866.AcctSessionID_Type:
			setText(&r.AcctSessionID, v)
		case rfc2866.AcctMultiSessionID_Type:
			setText(&r.AcctMultiSessionID, v)
		case rfc2865.CallingStationID_Type:
			setText(&r.CallingStation, v)
		case rfc2865.CalledStationID_Type:
			setText(&r.CalledStation, v)
		}
	}
	if r.CallingStation != "" {
		r.ClientMAC, _ = radius.CanonicalMAC(r.CallingStation)
	}
	if r.CalledStation != "" {
		r.CalledMAC, r.SSID, _ = radius.SplitCalledStation(r.CalledStation)
	}
	r.Firmware, _ = radius.Firmware(p.Attributes)
	return r
}

func setText(p *string, v lr.Attribute) {
	if *p == "" {
		*p = string(v)
	}
}

func setAddress(p *netip.Addr, v lr.Attribute, length int) {
	if addr, ok := netip.AddrFromSlice(v); ok && len(v) == length && !p.IsValid() {
		*p = addr
	}
}

// setInteger reads a value of four octets. One of 0 that is repeated as another counts as the other.
func setInteger(p *uint32, v lr.Attribute) {
	if len(v) == 4 && *p == 0 {
		*p = binary.BigEndian.Uint32(v)
	}
}
