package radius

import (
	lr "layeh.com/radius"
)

// Values of the tunnel attributes that assign a VLAN (RFC 3580 section 3.31).
const (
	tunnelTypeVLAN      = 13
	tunnelMediumIEEE802 = 6
	maxTag              = 0x1f
)

// SetVLAN assigns a VLAN, by number or name, with Tunnel-Type, Tunnel-Medium-Type and Tunnel-Private-Group-ID
// under one tag (RFC 2868 section 3, RFC 3580 section 3.31), in place of what those attributes said. Tag 0 means
// untagged: the group ID then carries no tag octet, as its first character could be taken for one.
func SetVLAN(p *lr.Packet, tag byte, vlan string) {
	p.Del(typeTunnelType)
	p.Del(typeTunnelMediumType)
	p.Del(typeTunnelPrivateGroupID)
	p.Add(typeTunnelType, lr.Attribute{tag, 0, 0, tunnelTypeVLAN})
	p.Add(typeTunnelMediumType, lr.Attribute{tag, 0, 0, tunnelMediumIEEE802})
	group := make(lr.Attribute, 0, 1+len(vlan))
	if tag > 0 && tag <= maxTag {
		group = append(group, tag)
	}
	p.Add(typeTunnelPrivateGroupID, append(group, vlan...))
}

// VLAN returns the VLAN that the tunnel attributes assign: the group ID of the lowest tag for which the type is
// VLAN and the medium IEEE-802.
func VLAN(attrs lr.Attributes) (vlan string, ok bool) {
	var typed, medium, grouped [maxTag + 1]bool
	var groups [maxTag + 1]string
	for _, a := range attrs {
		v := a.Attribute
		switch a.Type {
		case typeTunnelType:
			if tag, n, ok := taggedInteger(v); ok && n == tunnelTypeVLAN {
				typed[tag] = true
			}
		case typeTunnelMediumType:
			if tag, n, ok := taggedInteger(v); ok && n == tunnelMediumIEEE802 {
				medium[tag] = true
			}
		case typeTunnelPrivateGroupID:
			tag, group := taggedString(v)
			if !grouped[tag] && group != "" {
				groups[tag], grouped[tag] = group, true
			}
		}
	}
	for tag := range groups {
		if typed[tag] && medium[tag] && grouped[tag] {
			return groups[tag], true
		}
	}
	return "", false
}

// taggedInteger splits a tagged integer. A tag above 0x1f is treated as 0 (RFC 2868 section 3.1).
func taggedInteger(v []byte) (tag byte, n uint32, ok bool) {
	if len(v) != 4 {
		return 0, 0, false
	}
	if tag = v[0]; tag > maxTag {
		tag = 0
	}
	return tag, uint32(v[1])<<16 | uint32(v[2])<<8 | uint32(v[3]), true
}

// taggedString splits a tagged string: a first octet above 0x1f belongs to the string (RFC 2868 section 3.6).
func taggedString(v []byte) (tag byte, s string) {
	if len(v) > 0 && v[0] <= maxTag {
		return v[0], string(v[1:])
	}
	return 0, string(v)
}
