package radiusd

import (
	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"
)

// once are the attributes of requests that may occur once and that something is decided by (RFC 2865 section 5.44, RFC
// 2866 section 5.13, RFC 3579 section 3.3). Of others that are repeated the first counts.
var once = [...]lr.Type{
	rfc2865.UserName_Type, rfc2865.UserPassword_Type, rfc2865.CHAPPassword_Type, rfc2865.State_Type,
	rfc2865.CallingStationID_Type, rfc2865.CHAPChallenge_Type, rfc2866.AcctStatusType_Type, rfc2866.AcctSessionID_Type,
}

// credentials are the attributes of which an Access-Request must not have more than one kind (RFC 3579 section 3.3,
// note 1).
var credentials = [...]lr.Type{
	rfc2865.UserPassword_Type, rfc2865.CHAPPassword_Type, rfc2869.ARAPPassword_Type, rfc2869.EAPMessage_Type,
}

// check returns why a request that is authentic must not be answered all the same.
// Signed reports whether it has a Message-Authenticator.
func check(p *lr.Packet, client *Client, requireNAS bool) (signed bool, drop DropReason) {
	var seen [256]uint8
	var last lr.Type
	for _, a := range p.Attributes {
		if a.Type == rfc2869.EAPMessage_Type && seen[a.Type] > 0 && last != a.Type {
			return false, DropMalformedEAP // they must be consecutive (RFC 3579 section 3.1)
		}
		if seen[a.Type] < 2 {
			seen[a.Type]++
		}
		last = a.Type
	}
	for _, t := range once {
		if seen[t] > 1 {
			return false, DropRepeatedAttribute
		}
	}
	named := seen[rfc2865.NASIPAddress_Type] + seen[rfc3162.NASIPv6Address_Type] + seen[rfc2865.NASIdentifier_Type]
	if requireNAS && named == 0 && p.Code != lr.CodeStatusServer {
		return false, DropNoNAS
	}
	signed = seen[rfc2869.MessageAuthenticator_Type] > 0
	if p.Code == lr.CodeAccessRequest {
		drop = checkAccess(&seen, signed, client)
	}
	return signed, drop
}

func checkAccess(seen *[256]uint8, signed bool, client *Client) DropReason {
	kinds := 0
	for _, t := range credentials {
		if seen[t] > 0 {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return DropManyCredentials
	case kinds == 0 && !signed: // RFC 3579 section 3.3, note 1
		return DropNoMessageAuthenticator
	case !signed && seen[rfc2865.ProxyState_Type] > 0 && !client.UnsignedProxyState:
		return DropUnsignedProxyState
	}
	return ""
}
