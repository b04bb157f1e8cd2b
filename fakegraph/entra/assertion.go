package entra

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nacsim/fakegraph/directory"
)

// assertionType is the only client_assertion_type (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const (
	maxAssertion = 16 << 10
	// assertionSkew is by how much the clock of a client may differ.
	assertionSkew = 5 * time.Minute
)

// An assertion is a JWT by which an app proves that it has the key of one of its certificates, before its signature is
// verified.
type assertion struct {
	text   string
	token  *jwt.Token
	claims jwt.RegisteredClaims
	// thumbprints are the SHA-1 or SHA-256 thumbprints of the certificate that the header may mean, in lower-case hexadecimal.
	thumbprints []string
}

// parseAssertion reads the text of an assertion.
func parseAssertion(text string) (*assertion, error) {
	if len(text) > maxAssertion {
		return nil, refuse(50027, "It is longer than "+fmt.Sprint(maxAssertion)+" octets.")
	}
	a := &assertion{text: text}
	token, _, err := jwt.NewParser().ParseUnverified(text, &a.claims)
	if err != nil {
		return nil, refuse(50027, "It is not a JWS in compact serialization with the claims of an assertion.")
	}
	a.token = token
	switch alg, _ := token.Header["alg"].(string); alg {
	case "RS256", "PS256":
	default:
		return nil, refuse(50012, clip(alg))
	}
	for _, name := range []string{"x5t#S256", "x5t", "kid"} {
		if value, ok := token.Header[name].(string); ok && value != "" {
			a.thumbprints = append(a.thumbprints, thumbprints(value)...)
		}
	}
	if len(a.thumbprints) == 0 {
		return nil, refuse(50027, "No certificate thumbprint specified in token header.")
	}
	return a, nil
}

// thumbprints are what a header value may mean. Clients write it in base64 or base64url, with padding or without (facts 4.2), and in
// hexadecimal as the portal shows it.
func thumbprints(value string) []string {
	var found []string
	if sum, err := hex.DecodeString(value); err == nil {
		found = append(found, hex.EncodeToString(sum))
	}
	unpadded := strings.TrimRight(value, "=")
	for _, encoding := range []*base64.Encoding{base64.RawURLEncoding, base64.RawStdEncoding} {
		if sum, err := encoding.DecodeString(unpadded); err == nil {
			found = append(found, hex.EncodeToString(sum))
		}
	}
	return slices.DeleteFunc(found, func(sum string) bool { return len(sum) != 2*sha1.Size && len(sum) != 2*sha256.Size })
}

// certificate is the app's that the assertion names, or nil.
func (a *assertion) certificate(app *directory.App) *x509.Certificate {
	for _, c := range app.Certificates {
		old, sum := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
		if slices.Contains(a.thumbprints, hex.EncodeToString(old[:])) || slices.Contains(a.thumbprints, hex.EncodeToString(sum[:])) {
			return c
		}
	}
	return nil
}

const reasonExpired = "The certificate used to sign the client assertion is expired on application."

// verifyAssertion checks the assertion of an app that was sent to a host.
func (a *Authority) verifyAssertion(text string, app *directory.App, host string, now time.Time) error {
	s, err := parseAssertion(text)
	if err != nil {
		return err
	}
	shown := ""
	if len(s.thumbprints) > 0 {
		shown = strings.ToUpper(s.thumbprints[0])
	}
	c := s.certificate(app)
	switch {
	case c == nil:
		return refuse(700027, "The certificate with identifier used to sign the client assertion is not registered on application.", "The key was not found", shown, app.ClientID)
	case now.Before(c.NotBefore) || now.After(c.NotAfter):
		return refuse(700027, reasonExpired, "The key used is expired", shown, app.ClientID)
	}
	_, err = jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "PS256"}), jwt.WithoutClaimsValidation()).
		Parse(text, func(*jwt.Token) (any, error) { return c.PublicKey, nil })
	if err != nil {
		found := fmt.Sprintf("The provided signature value did not match the expected signature value., Found key 'Start=%s, End=%s'",
			c.NotBefore.UTC().Format(clientTime), c.NotAfter.UTC().Format(clientTime))
		return refuse(700027, "Client assertion contains an invalid signature.", found, shown, app.ClientID)
	}
	return a.checkAssertion(&s.claims, app.ClientID, host, now)
}

// clientTime is how times are shown in error texts.
const clientTime = "2006-01-02T15:04:05Z"

// checkAssertion checks the claims of an assertion whose signature is right (RFC 7523 section 3).
func (a *Authority) checkAssertion(c *jwt.RegisteredClaims, clientID, host string, now time.Time) error {
	if !strings.EqualFold(c.Issuer, clientID) || !strings.EqualFold(c.Subject, clientID) {
		return refuse(50013, clientID)
	}
	if !slices.ContainsFunc(c.Audience, func(audience string) bool { return a.isOwnAudience(audience, host) }) {
		return refuse(700023)
	}
	var from, to time.Time
	if c.NotBefore != nil {
		from = c.NotBefore.Time
	}
	if c.ExpiresAt != nil {
		to = c.ExpiresAt.Time
	}
	if now.Before(from.Add(-assertionSkew)) || !now.Before(to.Add(assertionSkew)) {
		return refuse(700024, now.UTC().Format(clientTime), from.UTC().Format(clientTime), to.UTC().Format(clientTime))
	}
	return nil
}

// isOwnAudience reports whether an audience names this authority, by the token endpoint of either version or the issuer, under the host
// that the client used or a name of the real one, and any name of the tenant.
func (a *Authority) isOwnAudience(audience, host string) bool {
	u, err := url.Parse(audience)
	if err != nil || u.Scheme != "https" || !strings.EqualFold(withoutPort443(u.Host), withoutPort443(host)) && !isPublicCloud(u.Hostname()) {
		return false
	}
	tenant, rest, _ := strings.Cut(strings.Trim(strings.ToLower(u.Path), "/"), "/")
	return a.directory.Owns(tenant) && slices.Contains([]string{"", "v2.0", "oauth2/token", "oauth2/v2.0/token"}, rest)
}

func withoutPort443(host string) string { return strings.TrimSuffix(host, ":443") }
