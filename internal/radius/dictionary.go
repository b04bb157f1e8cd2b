package radius

import (
	"slices"
	"strconv"

	lr "layeh.com/radius"
)

// format is how the value of an attribute is shown.
type format uint8

const (
	octets format = iota
	text
	integer
	tagged     // integer with a tag octet
	taggedText // text with an optional tag octet
	date
	ipv4
	ipv6
	ipv6Prefix
	vlanID   // Egress-VLANID
	vlanName // Egress-VLAN-Name
	hidden
)

type attribute struct {
	name   string
	format format
}

// lookupAttribute returns the dictionary name and the format of a type.
func lookupAttribute(t lr.Type) (name string, f format) {
	if t >= 0 && int(t) < len(attributes) && attributes[t].name != "" {
		return attributes[t].name, attributes[t].format
	}
	return "Attr-" + strconv.Itoa(int(t)), octets
}

// AttributeName is the dictionary name of an attribute type, or "Attr-200" for one that has none here.
func AttributeName(t lr.Type) string {
	name, _ := lookupAttribute(t)
	return name
}

// AttributeNames returns the names that [Describe] knows, sorted.
func AttributeNames() []string {
	var names []string
	for _, a := range attributes {
		if a.name != "" {
			names = append(names, a.name)
		}
	}
	for _, a := range vendorAttributes { // order-free: sorted below
		names = append(names, a.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// attributes holds RFC 2865, 2866, 2868, 2869, 3162, 3579, 4372, 4675 and 5176.
var attributes = [256]attribute{
	1:   {"User-Name", text},
	2:   {"User-Password", hidden},
	3:   {"CHAP-Password", hidden},
	4:   {"NAS-IP-Address", ipv4},
	5:   {"NAS-Port", integer},
	6:   {"Service-Type", integer},
	7:   {"Framed-Protocol", integer},
	8:   {"Framed-IP-Address", ipv4},
	9:   {"Framed-IP-Netmask", ipv4},
	10:  {"Framed-Routing", integer},
	11:  {"Filter-Id", text},
	12:  {"Framed-MTU", integer},
	13:  {"Framed-Compression", integer},
	14:  {"Login-IP-Host", ipv4},
	15:  {"Login-Service", integer},
	16:  {"Login-TCP-Port", integer},
	18:  {"Reply-Message", text},
	19:  {"Callback-Number", text},
	20:  {"Callback-Id", text},
	22:  {"Framed-Route", text},
	23:  {"Framed-IPX-Network", integer},
	24:  {"State", octets},
	25:  {"Class", octets},
	27:  {"Session-Timeout", integer},
	28:  {"Idle-Timeout", integer},
	29:  {"Termination-Action", integer},
	30:  {"Called-Station-Id", text},
	31:  {"Calling-Station-Id", text},
	32:  {"NAS-Identifier", text},
	33:  {"Proxy-State", octets},
	34:  {"Login-LAT-Service", text},
	35:  {"Login-LAT-Node", text},
	36:  {"Login-LAT-Group", octets},
	37:  {"Framed-AppleTalk-Link", integer},
	38:  {"Framed-AppleTalk-Network", integer},
	39:  {"Framed-AppleTalk-Zone", text},
	40:  {"Acct-Status-Type", integer},
	41:  {"Acct-Delay-Time", integer},
	42:  {"Acct-Input-Octets", integer},
	43:  {"Acct-Output-Octets", integer},
	44:  {"Acct-Session-Id", text},
	45:  {"Acct-Authentic", integer},
	46:  {"Acct-Session-Time", integer},
	47:  {"Acct-Input-Packets", integer},
	48:  {"Acct-Output-Packets", integer},
	49:  {"Acct-Terminate-Cause", integer},
	50:  {"Acct-Multi-Session-Id", text},
	51:  {"Acct-Link-Count", integer},
	52:  {"Acct-Input-Gigawords", integer},
	53:  {"Acct-Output-Gigawords", integer},
	55:  {"Event-Timestamp", date},
	56:  {"Egress-VLANID", vlanID},
	57:  {"Ingress-Filters", integer},
	58:  {"Egress-VLAN-Name", vlanName},
	59:  {"User-Priority-Table", octets},
	60:  {"CHAP-Challenge", octets},
	61:  {"NAS-Port-Type", integer},
	62:  {"Port-Limit", integer},
	63:  {"Login-LAT-Port", text},
	64:  {"Tunnel-Type", tagged},
	65:  {"Tunnel-Medium-Type", tagged},
	66:  {"Tunnel-Client-Endpoint", taggedText},
	67:  {"Tunnel-Server-Endpoint", taggedText},
	68:  {"Acct-Tunnel-Connection", text},
	69:  {"Tunnel-Password", hidden},
	70:  {"ARAP-Password", hidden},
	71:  {"ARAP-Features", octets},
	72:  {"ARAP-Zone-Access", integer},
	73:  {"ARAP-Security", integer},
	74:  {"ARAP-Security-Data", octets},
	75:  {"Password-Retry", integer},
	76:  {"Prompt", integer},
	77:  {"Connect-Info", text},
	78:  {"Configuration-Token", text},
	79:  {"EAP-Message", octets},
	80:  {"Message-Authenticator", octets},
	81:  {"Tunnel-Private-Group-Id", taggedText},
	82:  {"Tunnel-Assignment-Id", taggedText},
	83:  {"Tunnel-Preference", tagged},
	84:  {"ARAP-Challenge-Response", octets},
	85:  {"Acct-Interim-Interval", integer},
	86:  {"Acct-Tunnel-Packets-Lost", integer},
	87:  {"NAS-Port-Id", text},
	88:  {"Framed-Pool", text},
	89:  {"Chargeable-User-Identity", text},
	90:  {"Tunnel-Client-Auth-Id", taggedText},
	91:  {"Tunnel-Server-Auth-Id", taggedText},
	92:  {"NAS-Filter-Rule", text},
	95:  {"NAS-IPv6-Address", ipv6},
	96:  {"Framed-Interface-Id", octets},
	97:  {"Framed-IPv6-Prefix", ipv6Prefix},
	98:  {"Login-IPv6-Host", ipv6},
	99:  {"Framed-IPv6-Route", text},
	100: {"Framed-IPv6-Pool", text},
	101: {"Error-Cause", integer},
	102: {"EAP-Key-Name", octets},
	126: {"Operator-Name", text},
	168: {"Framed-IPv6-Address", ipv6},
}

type vendorKey struct {
	vendor uint32
	typ    byte
}

var vendorAttributes = map[vendorKey]attribute{
	{VendorCisco, ciscoAVPair}:       {"Cisco-AVPair", text},
	{VendorMicrosoft, 7}:             {"MS-MPPE-Encryption-Policy", octets},
	{VendorMicrosoft, 8}:             {"MS-MPPE-Encryption-Types", octets},
	{VendorMicrosoft, 12}:            {"MS-CHAP-MPPE-Keys", hidden},
	{VendorMicrosoft, msMPPESendKey}: {"MS-MPPE-Send-Key", hidden},
	{VendorMicrosoft, msMPPERecvKey}: {"MS-MPPE-Recv-Key", hidden},
	{VendorJuniper, 44}:              {"Juniper-Firewall-Filter-Name", text},
	{VendorJuniper, 48}:              {"Juniper-Switching-Filter", text},
	{VendorJuniper, 49}:              {"Juniper-VoIP-Vlan", text},
	{VendorJuniper, 50}:              {"Juniper-CWA-Redirect-URL", text},
	{VendorJuniper, juniperAVPair}:   {"Juniper-AV-Pair", text},

	{VendorAirespace, AirespaceACLName}: {"Airespace-ACL-Name", text},
	{VendorAruba, ArubaUserRole}:        {"Aruba-User-Role", text},
	{VendorPaloAlto, PaloAltoUserGroup}: {"PaloAlto-User-Group", text},
}

// valueNames holds the named values of integers that occur in network access (RFC 2865, 2866, 2868, 3580).
var valueNames = map[lr.Type]map[uint32]string{
	6: {1: "Login-User", 2: "Framed-User", 5: "Outbound-User", 6: "Administrative-User", 8: "Authenticate-Only",
		10: "Call-Check", 11: "Callback-Administrative", 17: "Authorize-Only"},
	29: {0: "Default", 1: "RADIUS-Request"},
	40: {1: "Start", 2: "Stop", 3: "Interim-Update", 7: "Accounting-On", 8: "Accounting-Off"},
	45: {1: "RADIUS", 2: "Local", 3: "Remote"},
	49: {1: "User-Request", 2: "Lost-Carrier", 3: "Lost-Service", 4: "Idle-Timeout", 5: "Session-Timeout",
		6: "Admin-Reset", 7: "Admin-Reboot", 8: "Port-Error", 9: "NAS-Error", 10: "NAS-Request", 11: "NAS-Reboot",
		12: "Port-Unneeded", 13: "Port-Preempted", 14: "Port-Suspended", 15: "Service-Unavailable",
		16: "Callback", 17: "User-Error", 18: "Host-Request", 19: "Supplicant-Restart",
		20: "Reauthentication-Failure", 21: "Port-Reinitialized", 22: "Port-Administratively-Disabled"},
	61: {0: "Async", 5: "Virtual", 15: "Ethernet", 18: "Wireless-Other", 19: "Wireless-802.11"},
	64: {1: "PPTP", 3: "L2TP", 9: "ESP", 10: "GRE", 13: "VLAN"},
	65: {1: "IPv4", 2: "IPv6", 6: "IEEE-802"},
}
