package eapserver

import (
	"encoding/binary"
	"fmt"
	"slices"

	"nacsim/internal/eap"
)

// defaultMethods is what Config.Methods is when it is nil.
var defaultMethods = []eap.Type{eap.TypeTLS, eap.TypeTTLS}

// Check reports the first mistake in the choice of methods.
func (c *Config) Check() error {
	for _, t := range c.Methods {
		if t != eap.TypeTLS && t != eap.TypeTTLS && t != eap.TypePEAP && t != eap.TypeTEAP {
			return fmt.Errorf("%v cannot be offered, want EAP-TLS, EAP-TTLS, PEAP or TEAP", t)
		}
		if c.needsDirectory(t) && c.Directory == nil {
			return fmt.Errorf("%v needs a directory of users", t)
		}
	}
	if err := checkInner(c.TTLSInner, false); err != nil {
		return fmt.Errorf("EAP-TTLS: %w", err)
	}
	if err := checkInner(c.PEAPInner, true); err != nil {
		return fmt.Errorf("PEAP: %w", err)
	}
	if err := checkTEAP(&c.TEAP); err != nil {
		return fmt.Errorf("TEAP: %w", err)
	}
	return nil
}

// needsDirectory reports whether a method asks for passwords. TEAP may be about certificates alone.
func (c *Config) needsDirectory(t eap.Type) bool {
	onlyTLS := len(c.TEAP.Inner) == 1 && c.TEAP.Inner[0] == EAPTLS
	return t != eap.TypeTLS && !(t == eap.TypeTEAP && onlyTLS)
}

// preference lists the methods on offer for an identity. EAP-MD5 is for MAC addresses only.
func (c *Config) preference(identity string) []eap.Type {
	methods := c.Methods
	if methods == nil {
		methods = defaultMethods
	}
	var offer []eap.Type
	if c.MAB != nil && c.Rand != nil && c.MAB(identity) {
		offer = append(offer, eap.TypeMD5)
	}
	for _, t := range methods {
		if c.Directory != nil || !c.needsDirectory(t) {
			offer = append(offer, t)
		}
	}
	return offer
}

// propose begins the first of the methods that has not been proposed yet.
func (c *Conversation) propose(methods []eap.Type) Result {
	for _, t := range methods {
		if slices.Contains(c.proposed, t) {
			continue
		}
		m := c.newMethod(t)
		if m == nil {
			continue
		}
		if c.method != nil {
			c.method.close()
		}
		c.method, c.proposed = m, append(c.proposed, t)
		return c.ask(t, m.begin())
	}
	return c.fail(&Failure{Reason: NoMethod, Text: "no method is on offer"})
}

// renegotiate answers a NAK (RFC 3748 section 5.3.1) with the first method that the client wants and the server has on
// offer. None is proposed twice.
func (c *Conversation) renegotiate(wanted []byte) Result {
	offer := c.config.preference(c.identity)
	var common []eap.Type
	for _, t := range wanted {
		if t := eap.Type(t); slices.Contains(offer, t) && !slices.Contains(c.proposed, t) {
			common = append(common, t)
		}
	}
	if len(common) == 0 {
		return c.fail(&Failure{Reason: NoMethod, Text: nakText("client refuses "+c.method.typ().String(), wanted)})
	}
	return c.propose(common)
}

// expandedNAK reads the data of an Expanded NAK (RFC 3748 section 5.3.2): of the types it wants those of the IETF, zero if
// there are none. It answers requests of an Expanded type only, of which the server sends none, but clients that send
// it all the same are understood.
func expandedNAK(data []byte) (wanted []byte, ok bool) {
	const (
		entry = 8 // 254, vendor, type
		limit = 64
	)
	if len(data) < entry-1 || (len(data)-(entry-1))%entry != 0 || binary.BigEndian.Uint32(data[:4])>>8 != 0 ||
		binary.BigEndian.Uint32(data[3:]) != uint32(eap.TypeLegacyNAK) {
		return nil, false
	}
	for b := data[entry-1:]; len(b) > 0 && len(wanted) < limit; b = b[entry:] {
		if t := binary.BigEndian.Uint32(b[4:]); b[0] == byte(eap.TypeExpanded) && b[1]|b[2]|b[3] == 0 && t < 256 {
			wanted = append(wanted, byte(t))
		}
	}
	if len(wanted) == 0 {
		wanted = []byte{0}
	}
	return wanted, true
}
