package fakeap

import (
	"net/netip"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"

	"nacsim/internal/host"
	"nacsim/internal/radius"
)

const maxAttribute = 253

// nasAttributes identify the NAS in every request (RFC 2865 section 4.1).
func nasAttributes(addr netip.Addr, name string) lr.Attributes {
	var a lr.Attributes
	if addr = addr.Unmap(); addr.Is4() {
		a.Add(rfc2865.NASIPAddress_Type, addr.AsSlice())
	} else if addr.IsValid() {
		a.Add(rfc3162.NASIPv6Address_Type, addr.AsSlice())
	}
	a.Add(rfc2865.NASIdentifier_Type, lr.Attribute(name))
	return a
}

// stationAttributes describe a client and where it is attached (RFC 3580 section 3).
func (n *nas) stationAttributes(c *client, user string, service rfc2865.ServiceType) lr.Attributes {
	a := make(lr.Attributes, 0, 20)
	a.Add(rfc2865.UserName_Type, lr.Attribute(user[:min(len(user), maxAttribute)]))
	a = append(a, n.nasAttrs...)
	a.Add(rfc2865.NASPort_Type, lr.NewInteger(c.number))
	a.Add(rfc2869.NASPortID_Type, lr.Attribute(c.port))
	a.Add(rfc2865.NASPortType_Type, lr.NewInteger(uint32(n.portType)))
	a.Add(rfc2865.ServiceType_Type, lr.NewInteger(uint32(service)))
	a.Add(rfc2865.CalledStationID_Type, lr.Attribute(n.link.calledStation(c)))
	a.Add(rfc2865.CallingStationID_Type, lr.Attribute(c.mac.Station()))
	a.Add(rfc2869.ConnectInfo_Type, lr.Attribute(n.connectInfo))
	return a
}

// accessAttributes are those that every Access-Request of a conversation carries, besides EAP-Message and State.
func (n *nas) accessAttributes(c *client, t *conversation) lr.Attributes {
	service := rfc2865.ServiceType_Value_FramedUser
	if c.byMAC {
		service = rfc2865.ServiceType_Value_CallCheck // RFC 2865 section 5.6: the address is the credential
	}
	p := lr.Packet{Attributes: n.stationAttributes(c, t.user, service)}
	if !c.byMAC || n.cfg.MAB.Protocol == MABEAPMD5 {
		p.Add(rfc2865.FramedMTU_Type, lr.NewInteger(uint32(n.cfg.FramedMTU)))
	}
	p.Add(rfc2866.AcctSessionID_Type, lr.Attribute(t.sessionID))
	if n.firmware != "" {
		// The configuration has bounded its length, so it fits an attribute.
		_ = radius.SetFirmware(&p, n.firmware)
	}
	return p.Attributes
}

// listen opens a UDP socket on the NAS's address.
func (n *nas) listen(port uint16) (host.PacketConn, error) {
	return n.h.ListenPacket(netip.AddrPortFrom(n.h.Addr(), port))
}
