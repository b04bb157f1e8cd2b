package radiusd

import (
	"net/netip"
	"strings"
	"testing"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// TestFormats has the reply for a role and a VLAN to each vendor.
func TestFormats(t *testing.T) {
	for _, c := range []struct {
		vendor Vendor
		format *Format
		want   string
	}{
		{"", nil, "Filter-Id=staff"},
		{Generic, nil, "Filter-Id=staff"},
		{Juniper, nil, "Filter-Id=staff"},
		{CiscoMeraki, nil, "Filter-Id=staff"},
		{Brocade, nil, "Filter-Id=staff"},
		{CiscoIOS, nil, "Filter-Id=staff.in"},
		{CiscoDNAC, nil, "Filter-Id=staff.in"},
		{CiscoAironet, nil, "Airespace-ACL-Name=staff"},
		{Aruba, nil, "Aruba-User-Role=staff"},
		{PaloAlto, nil, "PaloAlto-User-Group=staff"},
		{Aruba, &Format{VLANTag: 1}, "Filter-Id=staff"},
		{Generic, &Format{VLANTag: 31, Role: ArubaUserRole}, "Aruba-User-Role=staff"},
	} {
		b := newBench(t, func(config *Config) {
			config.Clients[0].Vendor, config.Clients[0].Format = c.vendor, c.format
			config.MAB.PAP = true
		})
		b.handler.verdict.Role = "staff"
		reply := b.ask(func(p *lr.Packet) {
			p.Add(rfc2865.UserName_Type, lr.Attribute("001cb3098515"))
			p.Add(rfc2865.CallingStationID_Type, lr.Attribute("001cb3098515"))
			addPassword(p, "001cb3098515")
		})
		var role string
		tag := byte(0)
		for _, f := range radius.Describe(reply.Attributes) {
			if strings.Contains(f.Key, "Role") || strings.Contains(f.Key, "Filter") || strings.Contains(f.Key, "ACL") || strings.Contains(f.Key, "Group") && f.Key != "Tunnel-Private-Group-Id" {
				role += f.Key + "=" + f.Value.String()
			}
		}
		if role != c.want {
			t.Errorf("%s %+v: role is %q, want %q", c.vendor, c.format, role, c.want)
		}
		if c.format != nil {
			tag = c.format.VLANTag
		}
		group := reply.Get(81)
		if vlan, ok := radius.VLAN(reply.Attributes); !ok || vlan != "750" || (group[0] == tag) != (tag != 0) {
			t.Errorf("%s %+v: VLAN is %q in %x", c.vendor, c.format, vlan, group)
		}
	}
}

func TestUnknownVendor(t *testing.T) {
	client := Client{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Secret: secret, Vendor: "acme"}
	if err := checkClients([]Client{client}); err == nil || !strings.Contains(err.Error(), `vendor "acme"; expected one of aruba, brocade, cisco-aironet`) {
		t.Errorf("error is %v", err)
	}
	client.Format = &Format{}
	if err := checkClients([]Client{client}); err != nil {
		t.Errorf("with a format of its own: %v", err)
	}
}
