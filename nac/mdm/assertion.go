package mdm

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"
)

// assertionLife is how long an assertion may be used: what Microsoft's libraries ask for (facts: graph-and-entra 4.2).
const assertionLife = 10 * time.Minute

// assertion signs that the NAC is the app registration (RFC 7523 section 2.2), to be sent to a token endpoint. The
// signature is made here and not by a library because its randomness has to be the machine's.
func (g *graph) assertion(c *credential, endpoint string, now time.Time) (string, error) {
	certificate := &c.certificate
	signer, ok := certificate.PrivateKey.(crypto.Signer)
	if !ok || certificate.Leaf == nil {
		return "", errors.New("the client certificate has no key")
	}
	header := map[string]string{"alg": c.signature, "typ": "JWT"}
	var opts crypto.SignerOpts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	if c.signature == "RS256" {
		thumbprint := sha1.Sum(certificate.Leaf.Raw)
		header["x5t"] = base64.RawURLEncoding.EncodeToString(thumbprint[:])
		opts = crypto.SHA256
	} else {
		thumbprint := sha256.Sum256(certificate.Leaf.Raw)
		header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(thumbprint[:])
	}
	claims := map[string]any{"aud": endpoint, "iss": g.cfg.ClientID, "sub": g.cfg.ClientID, "jti": g.requestID(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(assertionLife).Unix()}
	text, err := segments(header, claims)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(text))
	signature, err := signer.Sign(g.salts, digest[:], opts)
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// segments writes the part of a JWS that is signed (RFC 7515 section 5.1).
func segments(header, claims any) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c), nil
}
