package interop

import (
	"testing"
)

func TestInteropGraphClientsCertificate(t *testing.T) {
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f, stranger := startGraph(t), newClientCertificateRSA(t)
		app := graphApp{tenant: graphTenant, client: graphClient, certificate: f.app.file(t)}
		for _, library := range p.tokenCases() {
			reports := p.ask(t, f, app, library, "list?$top=1&most=1")
			var token graphToken
			reports[0].read(t, &token)
			if c := token.Claims; c.App != graphClient || c.Proof != "2" {
				t.Errorf("%s: the token says app %s, appidacr %s", library, c.App, c.Proof)
			}
			var list graphList
			reports[1].read(t, &list)
			app.certificate = stranger.file(t)
			refused := p.ask(t, f, app, library)[0]
			if p.name == "node" && refused.Error != nil {
				refused.Error.Status = 0 // MSAL does not tell it
			}
			refused.fails(t, 401, "invalid_client", "AADSTS700027")
			app.certificate = f.app.file(t)
		}
	})
}

// TestInteropGraphClientsPassword uses the resource owner password grant, with which a NAC checks a user of EAP-TTLS.
func TestInteropGraphClientsPassword(t *testing.T) {
	tests := []struct{ user, password, code, text string }{
		{"ada@contoso.example", graphPassword, "", ""},
		{"ada@contoso.example", "wrong", "invalid_grant", "AADSTS50126"},
		{"eve@contoso.example", "wrong", "invalid_grant", "AADSTS50034"},
	}
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f, app := startGraph(t), nacApp
		if p.name == "go" {
			app.client = graphPublic // MSAL sends no secret with this grant
		}
		for _, test := range tests {
			r := p.ask(t, f, app, "password?scope=User.Read&user="+test.user+"&password="+escape(test.password))[0]
			if test.code != "" {
				if p.name == "node" && r.Error != nil {
					r.Error.Status = 0 // MSAL does not tell it
				}
				r.fails(t, 400, test.code, test.text)
				continue
			}
			var seen struct {
				Claims   struct{ UPN, Scp string }
				Username string
			}
			r.read(t, &seen)
			if seen.Claims.UPN != test.user || seen.Username != test.user {
				t.Errorf("the token is for %q, the account is %q", seen.Claims.UPN, seen.Username)
			}
		}
	})
}
