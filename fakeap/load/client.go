package load

import (
	"crypto/md5"
	"crypto/tls"
	"fmt"
	"io"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"

	"nacsim/fakeap"
	"nacsim/fakeap/eappeer"
	"nacsim/internal/eap"
	"nacsim/internal/host"
)

// client is a Client with all that does not change from one request to the next.
type client struct {
	eap          *eappeer.Config // nil for PAP and CHAP
	chap         bool
	password     string
	access, acct lr.Attributes
	random       io.Reader
}

func newClient(h host.Host, cfg Config, c Client) (*client, error) {
	out := &client{random: h.Rand("load")}
	user, service := "", rfc2865.ServiceType_Value_FramedUser
	if c.EAP == nil {
		user, service = out.byMAC(c), rfc2865.ServiceType_Value_CallCheck
		if len(out.password) > 128 {
			return nil, fmt.Errorf("load: password of %d octets, at most 128 are possible", len(out.password))
		}
	} else {
		e := *c.EAP
		out.eap = &e
		if user = e.Identity; e.Anonymous != "" {
			user = e.Anonymous
		}
	}
	if out.eap != nil {
		if cfg.Resume {
			out.eap.Sessions = tls.NewLRUClientSessionCache(4)
		}
		if out.eap.Rand == nil {
			out.eap.Rand = out.random
		}
		e, err := out.eap.WithDefaults()
		if err != nil {
			return nil, err
		}
		out.eap = &e
	}
	out.acct = stationAttributes(h, cfg, c, user)
	out.access = append(out.acct[:len(out.acct):len(out.acct)], &lr.AVP{Type: rfc2865.ServiceType_Type, Attribute: lr.NewInteger(uint32(service))})
	if out.eap != nil {
		out.access.Add(rfc2865.FramedMTU_Type, lr.NewInteger(1400))
	}
	out.acct.Add(rfc2866.AcctAuthentic_Type, lr.NewInteger(uint32(rfc2866.AcctAuthentic_Value_RADIUS)))
	return out, nil
}

// byMAC prepares authentication by MAC address and returns the User-Name.
func (out *client) byMAC(c Client) (user string) {
	notation := c.MAB.Notation
	setDefault(&notation, "aabbccddeeff")
	user = fakeap.FormatMAC(c.MAC, notation)
	out.password = c.MAB.Password
	setDefault(&out.password, user)
	switch c.MAB.Protocol {
	case fakeap.MABCHAP:
		out.chap = true
	case fakeap.MABEAPMD5:
		out.eap = &eappeer.Config{Identity: user, Password: out.password, Method: eap.TypeMD5}
	}
	return user
}

// stationAttributes are those of access and accounting requests alike (RFC 3580 section 3).
func stationAttributes(h host.Host, cfg Config, c Client, user string) lr.Attributes {
	var a lr.Attributes
	a.Add(rfc2865.UserName_Type, lr.Attribute(user[:min(len(user), 253)]))
	addr := h.Addr()
	if cfg.Address.IsValid() {
		addr = cfg.Address
	}
	if addr = addr.Unmap(); addr.Is4() {
		a.Add(rfc2865.NASIPAddress_Type, addr.AsSlice())
	} else if addr.IsValid() {
		a.Add(rfc3162.NASIPv6Address_Type, addr.AsSlice())
	}
	a.Add(rfc2865.NASIdentifier_Type, lr.Attribute(cfg.NAS))
	a.Add(rfc2865.NASPort_Type, lr.NewInteger(1))
	a.Add(rfc2865.NASPortType_Type, lr.NewInteger(uint32(rfc2865.NASPortType_Value_Wireless80211)))
	a.Add(rfc2865.CalledStationID_Type, lr.Attribute(cfg.CalledStation))
	a.Add(rfc2865.CallingStationID_Type, lr.Attribute(c.MAC.Station()))
	a.Add(rfc2869.ConnectInfo_Type, lr.Attribute("CONNECT 54Mbps 802.11a"))
	return a
}

// chapPassword is the value of CHAP-Password (RFC 2865 section 5.3).
func chapPassword(id byte, password string, challenge []byte) lr.Attribute {
	h := md5.New()
	h.Write([]byte{id})
	io.WriteString(h, password)
	h.Write(challenge)
	return append(lr.Attribute{id}, h.Sum(nil)...)
}
