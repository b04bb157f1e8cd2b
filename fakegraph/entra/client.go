package entra

import (
	"net/http"
	"net/url"

	"nacsim/fakegraph/directory"
)

// How a client has shown who it is: values of the claim appidacr.
const (
	proofNone        = "0"
	proofSecret      = "1"
	proofCertificate = "2"
)

// clientOf is whom a token request says it is from, with its secret if it has one: in the header (RFC 6749 section 2.3.1), in the form, or in the
// assertion alone, as ISE before version 3.3 does (RFC 7521 section 4.2).
func clientOf(r *http.Request, form url.Values) (id, secret string) {
	id, secret, ok := basicCredentials(r.Header.Get("Authorization"))
	if ok {
		return clip(id), secret
	}
	id = form.Get("client_id")
	if text := form.Get("client_assertion"); id == "" && text != "" {
		if s, err := parseAssertion(text); err == nil {
			id = s.claims.Subject
		}
	}
	return clip(id), form.Get("client_secret")
}

// authenticate checks the credential that a client has sent with a token request (RFC 6749 section 2.3), and returns how it was
// done. A client that sends none must be a public one, and is not for a token of its own.
func (q *tokenRequest) authenticate(app *directory.App) (string, error) {
	text := q.form.Get("client_assertion")
	none := q.secret == "" && text == ""
	switch {
	case none && q.grant == grantClient:
		return "", refuse(7000216)
	case none && !app.Public:
		return "", refuse(7000218)
	case none:
		return proofNone, nil
	case app.Public && len(app.Secrets) == 0 && len(app.Certificates) == 0:
		return "", refuse(700025)
	case q.secret != "":
		return proofSecret, q.checkSecret(app)
	}
	switch kind := q.form.Get("client_assertion_type"); kind {
	case assertionType:
	case "":
		return "", refuse(900144, "client_assertion_type")
	default:
		return "", refuse(90023, "client_assertion_type '"+clip(kind)+"' is not "+assertionType)
	}
	return proofCertificate, q.a.verifyAssertion(text, app, q.r.Host, q.now)
}

func (q *tokenRequest) checkSecret(app *directory.App) error {
	switch known, expired := app.CheckSecret(q.secret, q.now); {
	case !known:
		return refuse(7000215, app.ClientID)
	case expired:
		return refuse(7000222, app.ClientID)
	}
	return nil
}
