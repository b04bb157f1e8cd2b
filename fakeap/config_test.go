package fakeap

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"nacsim/fakeap/ether"
)

func goodSettings() Settings {
	return Settings{RADIUS: RADIUSConfig{Auth: netip.MustParseAddrPort("10.0.0.1:1812"), Secret: []byte("s")}}
}

func TestDefaults(t *testing.T) {
	c, err := APConfig{Settings: goodSettings(), SSID: "corp", BSSID: ether.Addr{2}}.withDefaults("ap-1")
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "ap-1" || c.DefaultVLAN != "999" || c.FramedMTU != 1400 || c.RADIUS.Timeout != 2*time.Second || c.DAS.Port != 3799 ||
		string(c.DAS.Secret) != "s" || c.DAS.Disabled || c.MaxClients != 512 || c.Quiet != time.Minute {
		t.Errorf("defaults %+v", c)
	}
	c.Firmware = "0.12"
	if c, err = c.withDefaults(""); err != nil || !c.DAS.Disabled {
		t.Errorf("firmware 0.12: DAS disabled %v, error %v; want it disabled", c.DAS.Disabled, err)
	}
}

func TestConfigErrors(t *testing.T) {
	ap := func(change func(*APConfig)) error {
		c := APConfig{Settings: goodSettings(), SSID: "corp", BSSID: ether.Addr{2}}
		change(&c)
		_, err := c.withDefaults("ap-1")
		return err
	}
	sw := func(change func(*SwitchConfig)) error {
		c := SwitchConfig{Settings: goodSettings(), MAC: ether.Addr{2}, Ports: 8}
		change(&c)
		_, err := c.withDefaults("sw-1")
		return err
	}
	tests := []struct {
		err  error
		want string
	}{
		{ap(func(c *APConfig) { c.SSID = "" }), "SSID"},
		{ap(func(c *APConfig) { c.SSID = strings.Repeat("x", 33) }), "33 octets"},
		{ap(func(c *APConfig) { c.BSSID = ether.Addr{} }), "BSSID"},
		{ap(func(c *APConfig) { c.BSSID = ether.Broadcast }), "BSSID"},
		{ap(func(c *APConfig) { c.Firmware = "new" }), `"new"`},
		{ap(func(c *APConfig) { c.RADIUS.Secret = nil }), "secret"},
		{ap(func(c *APConfig) { c.RADIUS.Auth = netip.AddrPort{} }), "authentication server"},
		{ap(func(c *APConfig) { c.FramedMTU = 63 }), "Framed-MTU 63"},
		{ap(func(c *APConfig) { c.MaxClients = 2008 }), "2008"},
		{ap(func(c *APConfig) { c.Reauth = -1 }), "negative"},
		{ap(func(c *APConfig) { c.Name = strings.Repeat("x", 201) }), "201 octets"},
		{sw(func(c *SwitchConfig) { c.Ports = 0 }), "0 switch ports"},
		{sw(func(c *SwitchConfig) { c.Ports = 513 }), "513 switch ports"},
		{sw(func(c *SwitchConfig) { c.MAC = ether.PAEGroup }), "switch address"},
	}
	for i, tt := range tests {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%d: error %v, want one that says %q", i, tt.err, tt.want)
		}
	}
}
