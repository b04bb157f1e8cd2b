package fakeap

import (
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"nacsim/fakeap/ether"
	"nacsim/internal/eap"
	"nacsim/internal/radius"
)

// MABMode says when a NAS authenticates a client by its MAC address (MAC authentication bypass).
type MABMode string

// Modes of MAC authentication.
const (
	// MABOff never does. It is the default.
	MABOff MABMode = ""
	// MABFallback does it for a client that does not answer 802.1X.
	MABFallback MABMode = "fallback"
	// MABFirst does it before 802.1X, which follows for a client that the server refuses, and for every client
	// that starts it.
	MABFirst MABMode = "first"
	// MABOnly does it instead of 802.1X: EAPOL is ignored.
	MABOnly MABMode = "only"
)

// MABProtocol is how the MAC address is put to the server.
type MABProtocol string

// Protocols of MAC authentication, as switches offer them.
const (
	// MABPAP sends the address as User-Password. It is the default.
	MABPAP MABProtocol = "pap"
	// MABCHAP sends CHAP-Password and CHAP-Challenge (RFC 2865 section 5.3).
	MABCHAP MABProtocol = "chap"
	// MABEAPMD5 makes the NAS play the peer of EAP-MD5 (RFC 3748 section 5.4).
	MABEAPMD5 MABProtocol = "eap-md5"
)

// MABConfig is how a NAS authenticates clients by their MAC address.
type MABConfig struct {
	Mode     MABMode
	Protocol MABProtocol
	// Notation is how the address is written in User-Name, shown with the address AA:BB:CC:DD:EE:FF in either case:
	// "aabbccddeeff" (the default), "AA-BB-CC-DD-EE-FF", "aabb.ccdd.eeff" and so on.
	Notation string
	// Password is sent instead of the address.
	Password string
	// Wait is for how long 802.1X is tried before MABFallback; by default until all its requests are
	// unanswered, 21 s.
	Wait time.Duration
}

func (c MABConfig) withDefaults() (MABConfig, error) {
	setDefault(&c.Protocol, MABPAP)
	setDefault(&c.Notation, "aabbccddeeff")
	switch {
	case c.Mode != MABOff && c.Mode != MABFallback && c.Mode != MABFirst && c.Mode != MABOnly:
		return c, fmt.Errorf("fakeap: MAC authentication mode %q, want %q, %q or %q", c.Mode, MABFallback, MABFirst, MABOnly)
	case c.Protocol != MABPAP && c.Protocol != MABCHAP && c.Protocol != MABEAPMD5:
		return c, fmt.Errorf("fakeap: MAC authentication protocol %q, want %q, %q or %q", c.Protocol, MABPAP, MABCHAP, MABEAPMD5)
	case len(c.Password) > maxPassword:
		return c, fmt.Errorf("fakeap: MAC authentication password of %d octets, at most %d are possible", len(c.Password), maxPassword)
	case c.Wait < 0:
		return c, errors.New("fakeap: negative interval")
	}
	return c, CheckNotation(c.Notation)
}

// maxPassword is the longest User-Password (RFC 2865 section 5.2).
const maxPassword = 128

// CheckNotation reports whether a text shows how to write a MAC address: see [MABConfig].
func CheckNotation(notation string) error {
	mac, err := radius.CanonicalMAC(notation)
	if err != nil || mac.String() != "aa:bb:cc:dd:ee:ff" || strings.ToLower(notation) != notation && strings.ToUpper(notation) != notation {
		return fmt.Errorf("fakeap: notation %q of MAC addresses, want the address AA:BB:CC:DD:EE:FF as it shall be written, such as %q", notation, "aa-bb-cc-dd-ee-ff")
	}
	return nil
}

// FormatMAC writes an address in a notation that [CheckNotation] accepts.
func FormatMAC(mac ether.Addr, notation string) string {
	digits := "0123456789abcdef"
	if strings.ToUpper(notation) == notation {
		digits = "0123456789ABCDEF"
	}
	out := []byte(notation)
	n := 0
	for i, c := range out {
		if c == '-' || c == ':' || c == '.' {
			continue
		}
		out[i] = digits[mac[n/2]>>(4-4*(n%2))&15]
		n++
	}
	return string(out)
}

// authenticateMAC asks the server about a client's address. The client is told nothing of it.
func (n *nas) authenticateMAC(c *client, now time.Time) {
	n.abandon(c)
	c.auth.reset()
	c.byMAC = true
	if c.session == nil {
		n.setState(c, Authenticating, "")
	}
	if err := n.dial(c, FormatMAC(c.mac, n.cfg.MAB.Notation)); err != nil {
		n.refuse(c, now, err.Error())
		return
	}
	if n.cfg.MAB.Protocol == MABEAPMD5 {
		identity := eap.Packet{Code: eap.Response, Type: eap.TypeIdentity, Data: []byte(c.talk.user)}
		n.askEAP(c, identity.Append(nil))
		return
	}
	if request := n.newRequest(c); request != nil {
		if err := n.addMACPassword(request, c.talk.user); err != nil {
			n.refuse(c, now, err.Error())
			return
		}
		n.exchange(c, request)
	}
}

// macPassword is what proves the address of a user name.
func (n *nas) macPassword(user string) string {
	if n.cfg.MAB.Password != "" {
		return n.cfg.MAB.Password
	}
	return user
}

func (n *nas) addMACPassword(request *lr.Packet, user string) error {
	password := n.macPassword(user)
	if n.cfg.MAB.Protocol == MABPAP {
		return rfc2865.UserPassword_SetString(request, password)
	}
	var challenge [17]byte // and the identifier in front
	if _, err := io.ReadFull(n.nonces, challenge[:]); err != nil {
		return err
	}
	id, challenge16 := challenge[0], challenge[1:]
	request.Add(rfc2865.CHAPPassword_Type, append(lr.Attribute{id}, md5Proof(id, password, challenge16)...))
	request.Add(rfc2865.CHAPChallenge_Type, lr.Attribute(challenge16))
	return nil
}

// md5Proof is the response of CHAP (RFC 1994 section 4.1) and of EAP-MD5.
func md5Proof(id byte, password string, challenge []byte) []byte {
	h := md5.New()
	h.Write([]byte{id})
	io.WriteString(h, password)
	h.Write(challenge)
	return h.Sum(nil)
}

// challengeMAC answers the server in the client's place. It speaks EAP-MD5 only, and refuses any other method with a
// NAK that says so (RFC 3748 section 5.3.1).
func (n *nas) challengeMAC(c *client, now time.Time, packet []byte) {
	q, err := eap.Parse(packet)
	if n.cfg.MAB.Protocol != MABEAPMD5 || err != nil || q.Code != eap.Request {
		n.deny(c, now, denial{reason: "Access-Challenge without an EAP request"})
		return
	}
	answer := eap.Packet{Code: eap.Response, ID: q.ID, Type: q.Type}
	switch {
	case q.Type == eap.TypeIdentity:
		answer.Data = []byte(c.talk.user)
	case q.Type == eap.TypeNotification:
	case q.Type != eap.TypeMD5:
		answer.Type, answer.Data = eap.TypeLegacyNAK, []byte{byte(eap.TypeMD5)}
	case len(q.Data) < 2 || int(q.Data[0]) > len(q.Data)-1:
		n.deny(c, now, denial{reason: "malformed EAP-MD5 challenge"})
		return
	default:
		proof := md5Proof(q.ID, n.macPassword(c.talk.user), q.Data[1:1+q.Data[0]])
		answer.Data = append([]byte{byte(len(proof))}, proof...)
	}
	n.askEAP(c, answer.Append(nil))
}

// patience is for how long 802.1X is tried.
func (n *nas) patience() time.Duration {
	if n.cfg.MAB.Mode == MABFallback {
		return n.cfg.MAB.Wait
	}
	return 0
}

// idle reports whether nothing is going on with a client.
func (c *client) idle() bool {
	return c.session == nil && c.pending == nil && c.talk == nil && c.auth.state == authIdle
}
