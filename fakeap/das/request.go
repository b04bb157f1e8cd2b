package das

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"strings"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"

	"nacsim/fakeap/ether"
	"nacsim/internal/radius"
)

// The Cisco-AVPair values that make a NAS run 802.1X again for a session, as Juniper Mist access points
// understand them too.
const (
	commandPrefix         = "subscriber:command="
	commandReauthenticate = "subscriber:command=reauthenticate"
	reauthenticateType    = "subscriber:reauthenticate-type="
)

// decide judges an authentic request.
func (e *Engine) decide(request *lr.Packet, sessions Sessions) Outcome {
	if cause, ok := e.refused(); ok {
		return Outcome{Cause: cause}
	}
	a := request.Attributes
	cause := e.checkNAS(a)
	if cause == 0 {
		cause = checkAttributes(request.Code, a)
	}
	var id identification
	if cause == 0 {
		id, cause = identify(a)
	}
	if cause != 0 {
		return Outcome{Cause: cause}
	}
	client, cause := id.find(sessions(id.station))
	if cause != 0 {
		return Outcome{Cause: cause, Client: id.station}
	}
	if request.Code == lr.CodeDisconnectRequest {
		return Outcome{Client: client, Command: Disconnect}
	}
	if cause := checkCommand(a); cause != 0 {
		return Outcome{Client: client, Cause: cause}
	}
	return Outcome{Client: client, Command: Reauthenticate}
}

// checkNAS compares the NAS identification attributes (RFC 5176 section 3).
func (e *Engine) checkNAS(attrs lr.Attributes) radius.ErrorCause {
	for _, a := range attrs {
		ok := true
		switch a.Type {
		case rfc2865.NASIPAddress_Type, rfc3162.NASIPv6Address_Type:
			addr, valid := netip.AddrFromSlice(a.Attribute)
			ok = valid && addr.Unmap() == e.cfg.Addr.Unmap()
		case rfc2865.NASIdentifier_Type:
			ok = string(a.Attribute) == e.cfg.Identifier
		}
		if !ok {
			return radius.NASIdentificationMismatch
		}
	}
	return 0
}

// checkAttributes refuses what this NAS does not support in a request of the code: everything that is neither
// identification nor protocol, so that nothing is acknowledged that is not done (RFC 5176 section 3).
func checkAttributes(code lr.Code, attrs lr.Attributes) radius.ErrorCause {
	if _, ok := attrs.Lookup(rfc2865.ServiceType_Type); ok {
		return radius.UnsupportedService // Authorize Only (RFC 5176 section 3.2) above all
	}
	for _, a := range attrs {
		switch a.Type {
		case rfc2865.NASIPAddress_Type, rfc3162.NASIPv6Address_Type, rfc2865.NASIdentifier_Type,
			rfc2865.UserName_Type, rfc2865.NASPort_Type, rfc2869.NASPortID_Type, rfc2865.NASPortType_Type,
			rfc2865.CalledStationID_Type, rfc2865.CallingStationID_Type, rfc2866.AcctSessionID_Type,
			rfc2866.AcctTerminateCause_Type, rfc2865.ReplyMessage_Type, rfc2865.ProxyState_Type,
			rfc2869.EventTimestamp_Type, rfc2869.MessageAuthenticator_Type:
		case rfc2865.VendorSpecific_Type:
			if code != lr.CodeCoARequest || !onlyCiscoPairs(a.Attribute) {
				return radius.UnsupportedAttribute
			}
		default:
			return radius.UnsupportedAttribute
		}
	}
	return 0
}

func onlyCiscoPairs(v lr.Attribute) bool {
	const avPair = 1
	found := false
	one := lr.Attributes{{Type: rfc2865.VendorSpecific_Type, Attribute: v}}
	for vendor, typ := range vendorAttributes(one) {
		if vendor != radius.VendorCisco || typ != avPair {
			return false
		}
		found = true
	}
	return found
}

func vendorAttributes(attrs lr.Attributes) iter.Seq2[uint32, byte] {
	return func(yield func(uint32, byte) bool) {
		radius.EachVSA(attrs, func(vendor uint32, typ byte, _ []byte) bool { return yield(vendor, typ) })
	}
}

// checkCommand demands the one change of authorization there is.
func checkCommand(attrs lr.Attributes) radius.ErrorCause {
	found := false
	for _, pair := range radius.CiscoAVPairs(attrs) {
		switch {
		case pair == commandReauthenticate:
			found = true
		case strings.HasPrefix(pair, reauthenticateType):
			// "last" and "rerun" choose among authentication methods; there is only 802.1X.
		case strings.HasPrefix(pair, commandPrefix):
			return radius.UnsupportedExtension
		default:
			return radius.UnsupportedAttribute
		}
	}
	if !found {
		return radius.MissingAttribute
	}
	return 0
}

// identification is what a request says of the session it means. All that is present must match.
type identification struct {
	user, session, called, portID *string
	port                          *uint32
	calling                       bool
	station                       ether.Addr
}

// identify reads the session identification attributes (RFC 5176 section 3), of which there must be one.
func identify(attrs lr.Attributes) (id identification, cause radius.ErrorCause) {
	found := false
	for _, a := range attrs {
		v := string(a.Attribute)
		switch a.Type {
		case rfc2865.UserName_Type:
			id.user = &v
		case rfc2866.AcctSessionID_Type:
			id.session = &v
		case rfc2865.CalledStationID_Type:
			id.called = &v
		case rfc2869.NASPortID_Type:
			id.portID = &v
		case rfc2865.NASPort_Type:
			if len(a.Attribute) != 4 {
				return id, radius.InvalidAttributeValue
			}
			n := binary.BigEndian.Uint32(a.Attribute)
			id.port = &n
		case rfc2865.CallingStationID_Type:
			mac, err := radius.CanonicalMAC(v)
			if err != nil {
				return id, radius.InvalidAttributeValue
			}
			id.station, id.calling = ether.FromHardware(mac)
		default:
			continue
		}
		found = true
	}
	if !found {
		return id, radius.MissingAttribute
	}
	return id, 0
}

func (id identification) matches(s Session) bool {
	return (!id.calling || id.station == s.Client) &&
		(id.user == nil || *id.user == s.User) &&
		(id.session == nil || *id.session == s.ID) &&
		(id.called == nil || strings.EqualFold(*id.called, s.Called)) &&
		(id.portID == nil || *id.portID == s.PortID) &&
		(id.port == nil || *id.port == s.Port)
}

// find returns the one session that matches.
func (id identification) find(sessions iter.Seq[Session]) (client ether.Addr, cause radius.ErrorCause) {
	found := false
	for s := range sessions {
		if !id.matches(s) {
			continue
		}
		if found {
			return ether.Addr{}, radius.MultipleSessionSelection
		}
		client, found = s.Client, true
	}
	if !found {
		return ether.Addr{}, radius.SessionContextNotFound
	}
	return client, 0
}
