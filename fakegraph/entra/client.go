package entra

import (
	"nacsim/fakegraph/directory"
)

// How a client has shown who it is: values of the claim appidacr.
const (
	proofNone        = "0"
	proofSecret      = "1"
	proofCertificate = "2"
)

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
