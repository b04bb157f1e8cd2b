package fakeap

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/ether"
	"nacsim/internal/radsec"
)

// RADIUSConfig says which server a NAS asks and reports to.
type RADIUSConfig struct {
	// Auth is the authentication server, usually on port 1812.
	Auth netip.AddrPort
	// Acct is the accounting server, usually on port 1813; the zero value switches accounting off.
	Acct netip.AddrPort
	// Secret is shared with both.
	Secret []byte
	// Timeout is the wait for the first answer; 2 s by default. It doubles with each retransmission up to 16 s
	// (RFC 5080 section 2.2.1).
	Timeout time.Duration
	// Retries is how often a request is sent again, at most; 4 by default, negative for never. After 30 seconds
	// in all the NAS gives up in any case.
	Retries int
	// RequireMessageAuthenticator drops replies without one even where they carry no EAP. Servers older than
	// 2024 send none in such replies.
	RequireMessageAuthenticator bool
	// RadSec, unless nil, reaches the server over TLS. The addresses, the secret and the retransmissions above are of no
	// meaning then, and dynamic authorization comes over the same connection and nowhere else.
	RadSec *RadSecConfig
}

// accounts reports whether accounting records are sent.
func (c *RADIUSConfig) accounts() bool {
	if c.RadSec != nil {
		return !c.RadSec.NoAccounting
	}
	return c.Acct.IsValid()
}

// DASConfig describes a NAS's dynamic authorization server (RFC 5176).
type DASConfig struct {
	// Disabled keeps it closed.
	Disabled bool
	// Port is the UDP port, 3799 by default.
	Port uint16
	// Secret is that of RADIUSConfig by default.
	Secret []byte
	// Clients are the addresses requests may come from; by default any.
	Clients []netip.Prefix
	// WindowSeconds is how far an Event-Timestamp may be from the clock, 300 by default; negative switches the
	// check off.
	WindowSeconds int
	// RequireEventTimestamp and RequireMessageAuthenticator drop requests without the attribute.
	RequireEventTimestamp       bool
	RequireMessageAuthenticator bool
}

// Settings are common to access points and switches.
type Settings struct {
	// Name is the NAS-Identifier, and the name in NAS-Port-Id and the trace. Empty means the host's name.
	Name string
	// Address is the NAS-IP-Address or NAS-IPv6-Address; by default the host's.
	Address netip.Addr
	RADIUS  RADIUSConfig
	DAS     DASConfig
	// DefaultVLAN is where clients are put whose Access-Accept names no VLAN; "999" by default.
	DefaultVLAN string
	// Reauth is the re-authentication interval for sessions to which the server gives none; 0 is never.
	Reauth time.Duration
	// Interim is the interval of interim accounting updates where the server gives none; 0 is never.
	Interim time.Duration
	// FramedMTU is the Framed-MTU stated to the server, in octets; 1400 by default.
	FramedMTU int
	// Quiet is for how long a client that was refused on a cable is ignored; 60 s by default (quietPeriod of
	// IEEE 802.1X-2010 clause 8.6), negative for not at all.
	Quiet time.Duration
	// MAB is authentication by MAC address, on a switch or on an open wireless network.
	MAB MABConfig
	// GuestVLAN is where a switch puts a client that does not answer 802.1X, RejectVLAN one that the server
	// refuses, and ServerFailVLAN one about which the server cannot be asked. Empty means that the client gets
	// nothing.
	GuestVLAN, RejectVLAN, ServerFailVLAN string
	// Outcome is told of each authentication that has ended. It must not block, nor call methods of the NAS.
	Outcome func(Outcome)
	// MaxClients bounds the clients on an access point, 512 by default and at most 2007; on a switch, the
	// clients on one port, 8 by default.
	MaxClients int
}

// APConfig describes a wireless access point with one network.
type APConfig struct {
	Settings
	// BSSID is the radio's address.
	BSSID ether.Addr
	// SSID names the network, and the radio medium it is on: every access point and station with this SSID
	// hears every other.
	SSID string
	// Open makes the network one without encryption, whose clients are authenticated by their MAC address:
	// Settings.MAB.Mode is then MABOnly, and otherwise MABOff.
	Open bool
	// Firmware is the version the access point runs, in dotted decimal, for example "0.14.29411". It is stated
	// to the server in Access-Request. Below [CoAFirmware] the access point has no dynamic authorization
	// server. Empty means current firmware that says nothing of its version.
	Firmware string
}

// SwitchConfig describes a wired switch with 802.1X on all of its ports.
type SwitchConfig struct {
	Settings
	// MAC is the base address; port n has the address MAC + n.
	MAC ether.Addr
	// Ports is the number of ports, 1 to 512. Port n is attached to the cable "Name/n", counted from 1.
	Ports int
}

const (
	maxAssociations = 2007
	maxPorts        = 512
	minFramedMTU    = 64
	maxFramedMTU    = 2000
)

func (s Settings) withDefaults(hostName string, maxClients int) (Settings, error) {
	setDefault(&s.Name, hostName)
	setDefault(&s.DefaultVLAN, "999")
	setDefault(&s.FramedMTU, 1400)
	setDefault(&s.Quiet, 60*time.Second)
	setDefault(&s.MaxClients, maxClients)
	setDefault(&s.RADIUS.Timeout, 2*time.Second)
	setDefault(&s.RADIUS.Retries, 4)
	if err := s.RADIUS.overTLS(); err != nil {
		return s, err
	}
	if len(s.DAS.Secret) == 0 || s.RADIUS.RadSec != nil {
		s.DAS.Secret = s.RADIUS.Secret
	}
	setDefault(&s.DAS.Port, 3799)
	var err error
	if s.MAB, err = s.MAB.withDefaults(); err != nil {
		return s, err
	}
	switch {
	case s.Name == "" || len(s.Name) > 200:
		return s, fmt.Errorf("fakeap: NAS name %q has %d octets, 1 to 200 are possible", s.Name, len(s.Name))
	case !s.RADIUS.Auth.IsValid() && s.RADIUS.RadSec == nil:
		return s, errors.New("fakeap: no RADIUS authentication server")
	case len(s.RADIUS.Secret) == 0:
		return s, errors.New("fakeap: the RADIUS secret is empty")
	case s.FramedMTU < minFramedMTU || s.FramedMTU > maxFramedMTU:
		return s, fmt.Errorf("fakeap: Framed-MTU %d, %d to %d octets are possible", s.FramedMTU, minFramedMTU, maxFramedMTU)
	case s.MaxClients < 0 || s.MaxClients > maxAssociations:
		return s, fmt.Errorf("fakeap: %d clients, at most %d are possible", s.MaxClients, maxAssociations)
	case s.Reauth < 0 || s.Interim < 0 || s.RADIUS.Timeout < 0:
		return s, errors.New("fakeap: negative interval")
	}
	return s, nil
}

// overTLS completes the settings of RadSec, if it is used.
func (c *RADIUSConfig) overTLS() (err error) {
	if c.RadSec != nil {
		c.Secret = []byte(radsec.Secret)
		c.RadSec, err = c.RadSec.withDefaults()
	}
	return err
}

func (c APConfig) withDefaults(hostName string) (APConfig, error) {
	s, err := c.Settings.withDefaults(hostName, 512)
	if err != nil {
		return c, err
	}
	c.Settings = s
	switch {
	case c.SSID == "" || len(c.SSID) > dot11.MaxSSID:
		return c, fmt.Errorf("fakeap: SSID %s has %d octets, 1 to %d are possible", strconv.Quote(c.SSID), len(c.SSID), dot11.MaxSSID)
	case c.BSSID == ether.Addr{} || c.BSSID.IsGroup():
		return c, fmt.Errorf("fakeap: BSSID %v is not a station's address", c.BSSID)
	case c.Open && c.MAB.Mode != MABOnly:
		return c, fmt.Errorf("fakeap: an open network needs the MAC authentication mode %q", MABOnly)
	case !c.Open && c.MAB.Mode != MABOff:
		return c, errors.New("fakeap: MAC authentication on wireless is for open networks")
	}
	if c.Firmware == "" {
		return c, nil
	}
	supports, err := SupportsCoA(c.Firmware)
	if err != nil {
		return c, err
	}
	c.DAS.Disabled = c.DAS.Disabled || !supports
	return c, nil
}

func (c SwitchConfig) withDefaults(hostName string) (SwitchConfig, error) {
	s, err := c.Settings.withDefaults(hostName, 8)
	if err != nil {
		return c, err
	}
	c.Settings = s
	switch {
	case c.Ports < 1 || c.Ports > maxPorts:
		return c, fmt.Errorf("fakeap: %d switch ports, 1 to %d are possible", c.Ports, maxPorts)
	case c.MAC == ether.Addr{} || c.MAC.IsGroup():
		return c, fmt.Errorf("fakeap: switch address %v is not a station's", c.MAC)
	}
	return c, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
