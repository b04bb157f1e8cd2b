package eapserver

import (
	"fmt"
	"slices"

	"nacsim/internal/eap/ttls"
)

// credentials are what a client of EAP-TTLS sends in one message: an EAP packet, or a user name and one proof.
type credentials struct {
	user            string
	named           bool
	eap             []byte
	password        []byte
	chap            []byte // identifier and response
	chapChallenge   []byte
	mschap          []byte // identifier, flags, LM response, NT response
	mschap2         []byte // identifier, flags, peer challenge, 8 octets reserved, NT response
	mschapChallenge []byte
}

// readCredentials sorts the AVPs. One that is marked mandatory and not known is refused (RFC 5281 section 10.1), as is
// one that must occur once and occurs twice.
func readCredentials(avps []ttls.AVP) (c credentials, err error) {
	for _, a := range avps {
		if err := c.take(a); err != nil {
			return c, err
		}
	}
	return c, c.check()
}

func (c *credentials) take(a ttls.AVP) error {
	switch {
	case a.Is(0, ttls.EAPMessage): // a long packet may be in several (RFC 5281 section 11.2.1)
		if c.eap == nil {
			c.eap = []byte{}
		}
		c.eap = append(c.eap, a.Data...)
		return nil
	case a.Is(0, ttls.UserName):
		if c.named {
			return fmt.Errorf("two User-Name AVPs")
		}
		if len(a.Data) > maxIdentity {
			return fmt.Errorf("User-Name AVP of %d octets", len(a.Data))
		}
		c.user, c.named = string(a.Data), true
		return nil
	case a.Is(0, ttls.UserPassword):
		return once(&c.password, a, 0)
	case a.Is(0, ttls.CHAPPassword):
		return once(&c.chap, a, 17)
	case a.Is(0, ttls.CHAPChallenge):
		return once(&c.chapChallenge, a, 16)
	case a.Is(ttls.Microsoft, ttls.MSCHAPResponse):
		return once(&c.mschap, a, 50)
	case a.Is(ttls.Microsoft, ttls.MSCHAP2Response):
		return once(&c.mschap2, a, 50)
	case a.Is(ttls.Microsoft, ttls.MSCHAPChallenge):
		return once(&c.mschapChallenge, a, 0)
	case a.Mandatory:
		return fmt.Errorf("mandatory AVP %d of vendor %d is not known", a.Code, a.Vendor)
	}
	return nil
}

// once keeps the data of an AVP that may occur once. Its length must be n, unless that is zero.
func once(field *[]byte, a ttls.AVP, n int) error {
	if *field != nil {
		return fmt.Errorf("two AVPs %d of vendor %d", a.Code, a.Vendor)
	}
	if n > 0 && len(a.Data) != n {
		return fmt.Errorf("AVP %d of vendor %d with %d octets, want %d", a.Code, a.Vendor, len(a.Data), n)
	}
	*field = a.Data
	if *field == nil {
		*field = []byte{}
	}
	return nil
}

// check wants one way to authenticate.
func (c *credentials) check() error {
	ways := 0
	for _, proof := range [][]byte{c.eap, c.password, c.chap, c.mschap, c.mschap2} {
		if proof != nil {
			ways++
		}
	}
	switch {
	case ways != 1:
		return fmt.Errorf("%d proofs in the tunnel, want one", ways)
	case c.eap == nil && !c.named:
		return fmt.Errorf("no User-Name AVP")
	}
	return nil
}

func allows(ways []Inner, i Inner) bool { return slices.Contains(ways, i) }
