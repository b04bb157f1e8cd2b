package radiusd

import (
	"slices"
	"strings"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// A Vendor is the make of a client, in the words of Mist's configuration of third-party clients.
type Vendor string

// The vendors.
const (
	Generic      Vendor = "generic"
	Aruba        Vendor = "aruba"
	Brocade      Vendor = "brocade"
	CiscoAironet Vendor = "cisco-aironet"
	CiscoDNAC    Vendor = "cisco-dnac"
	CiscoIOS     Vendor = "cisco-ios"
	CiscoMeraki  Vendor = "cisco-meraki"
	Juniper      Vendor = "juniper"
	PaloAlto     Vendor = "paloalto"
)

// A RoleAttribute is the attribute in which a client takes the name of a role.
type RoleAttribute string

// The role attributes.
const (
	FilterID      RoleAttribute = "filter-id"           // the role itself
	FilterIDIn    RoleAttribute = "filter-id.in"        // the name of an access list and its direction, as Cisco IOS has it
	ArubaUserRole RoleAttribute = "aruba-user-role"     // vendor 14823
	AirespaceACL  RoleAttribute = "airespace-acl-name"  // vendor 14179
	PaloAltoGroup RoleAttribute = "paloalto-user-group" // vendor 25461
)

// A Format is how orders are written for a client.
type Format struct {
	// VLANTag is the tag of the tunnel attributes, 1 to 31; zero means untagged (RFC 2868 section 3).
	VLANTag byte
	// Role is where the role goes; empty means FilterID.
	Role RoleAttribute
}

// formats has what is known of the vendors. What Mist itself sends to each is not public, so a client can have a Format of
// its own.
var formats = map[Vendor]Format{
	Generic:      {},
	Aruba:        {Role: ArubaUserRole},
	Brocade:      {},
	CiscoAironet: {Role: AirespaceACL},
	CiscoDNAC:    {Role: FilterIDIn},
	CiscoIOS:     {Role: FilterIDIn},
	CiscoMeraki:  {},
	Juniper:      {},
	PaloAlto:     {Role: PaloAltoGroup},
}

// VendorNames lists the vendors.
func VendorNames() string {
	var names []string
	for v := range formats { // order-free: sorted below
		names = append(names, string(v))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (v Vendor) known() bool {
	_, ok := formats[v]
	return ok || v == ""
}

// format is how orders are written for the client.
func (c *Client) format() Format {
	if c.Format != nil {
		return *c.Format
	}
	return formats[c.Vendor]
}

// addRole tells the NAS the role, unless it is empty.
func (f *Format) addRole(reply *lr.Packet, role string) error {
	if role == "" {
		return nil
	}
	switch f.Role {
	case FilterIDIn:
		reply.Add(rfc2865.FilterID_Type, lr.Attribute(role+".in"))
	case ArubaUserRole:
		return radius.AddVSA(reply, radius.VendorAruba, radius.ArubaUserRole, []byte(role))
	case AirespaceACL:
		return radius.AddVSA(reply, radius.VendorAirespace, radius.AirespaceACLName, []byte(role))
	case PaloAltoGroup:
		return radius.AddVSA(reply, radius.VendorPaloAlto, radius.PaloAltoUserGroup, []byte(role))
	default:
		reply.Add(rfc2865.FilterID_Type, lr.Attribute(role))
	}
	return nil
}
