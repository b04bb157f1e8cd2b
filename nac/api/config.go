package api

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"strings"
)

// A Config says where the API is and who may use it.
type Config struct {
	// Addr is where it is served. It is required.
	Addr netip.AddrPort
	// Token is what users of the API have to show. It is required.
	Token string
	// TLS makes it HTTPS; nil means HTTP, which is for the computer itself or a proxy before it.
	TLS *tls.Config
	// Authority is the origin to which a browser is sent to link an account, for the content security policy.
	Authority string
}

// MinToken is how long a token is at least.
const MinToken = 16

// Check reports what is wrong with a configuration.
func (c *Config) Check() error {
	switch {
	case !c.Addr.IsValid():
		return errors.New("api: no address")
	case len(c.Token) < MinToken:
		return errors.New("api: the token is too short; 32 random characters are hard to guess")
	case strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errors.New("api: the token has characters that an HTTP header cannot carry")
	}
	return nil
}
