package interop

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func escape(s string) string { return url.QueryEscape(s) }

// signinCase is a case of the Node program in which a person goes through the pages.
func signinCase(name, user, decision, more string) string {
	return name + "?redirect=" + escape(graphRedirect) + "&user=" + user + "&password=" + escape(graphPassword) + "&decision=" + decision + more
}

func TestInteropGraphClientsSignIn(t *testing.T) {
	t.Parallel()
	p := awaitGraphProgram(t, "node")
	f, portal := startGraph(t), graphApp{tenant: graphTenant, client: graphPortal, secret: graphSecret}
	for _, mode := range []string{"query", "fragment", "form_post"} {
		var seen struct {
			Pages                           []string
			Username, Reused                string
			IDToken, AccessToken, Refreshed struct{ Aud, Upn, Tid, Scp, Preferred_username string }
			Renewed                         bool
		}
		r := p.ask(t, f, portal, signinCase("signin", graphUser, "accept", "&scope=User.Read&response_mode="+mode))[0]
		r.read(t, &seen)
		if seen.Username != graphUser || seen.IDToken.Aud != graphPortal || seen.IDToken.Tid != graphTenant || len(seen.Pages) == 0 {
			t.Errorf("%s: after the pages %q the account is %q, and the id token says %+v", mode, seen.Pages, seen.Username, seen.IDToken)
		}
		for _, token := range []struct{ Aud, Upn, Tid, Scp, Preferred_username string }{seen.AccessToken, seen.Refreshed} {
			if token.Aud != "https://graph.microsoft.com" || token.Upn != graphUser || !slices.Contains(strings.Fields(token.Scp), "User.Read") {
				t.Errorf("%s: the access token says %+v", mode, token)
			}
		}
		if seen.Reused != "invalid_grant" || !seen.Renewed {
			t.Errorf("%s: the code used twice: %s; renewed: %v", mode, seen.Reused, seen.Renewed)
		}
	}
	f = startGraph(t)
	refused := p.ask(t, f, portal, signinCase("signin", graphUser, "refuse", "&scope=User.Read"))[0]
	var answer struct{ Answer struct{ Error string } }
	if refused.read(t, &answer); answer.Answer.Error != "access_denied" {
		t.Errorf("who refuses is sent back with %q", answer.Answer.Error)
	}
}

func TestInteropGraphClientsAdminConsent(t *testing.T) {
	t.Parallel()
	p := awaitGraphProgram(t, "node")
	tests := []struct {
		version, decision string
		want              map[string]string // of the redirect; "" for what is not there
		forbidden         bool              // what Graph says afterwards
	}{
		{"1", "accept", map[string]string{"admin_consent": "True", "tenant": graphTenant, "error": ""}, false},
		{"1", "refuse", map[string]string{"admin_consent": "", "error": "permission_denied"}, true},
		{"2", "accept", map[string]string{"admin_consent": "True", "tenant": graphTenant, "scope": "*", "error": ""}, false},
		{"2", "refuse", map[string]string{"admin_consent": "True", "error": "consent_required", "error_description": "AADSTS65004*"}, true},
	}
	for _, test := range tests {
		t.Run(test.version+" "+test.decision, func(t *testing.T) {
			f, portal := startGraph(t), graphApp{tenant: graphTenant, client: graphPortal, secret: graphSecret}
			reports := p.ask(t, f, portal, "list", signinCase("adminconsent", graphAdmin, test.decision, "&version="+test.version))
			reports[0].fails(t, 403, "Forbidden", "")
			var seen struct {
				Pages     []string
				StateKept bool
				Answer    map[string]string
			}
			reports[1].read(t, &seen)
			if !seen.StateKept {
				t.Error("the state is not given back")
			}
			for name, want := range test.want {
				got := seen.Answer[name]
				if start, open := strings.CutSuffix(want, "*"); open && !strings.HasPrefix(got, start) || !open && got != want {
					t.Errorf("after the pages %q the redirect says %s=%q, not %q", seen.Pages, name, got, want)
				}
			}
			r := p.ask(t, f, portal, "list")[0]
			if test.forbidden {
				r.fails(t, 403, "Forbidden", "")
			} else {
				var list graphList
				r.read(t, &list)
			}
		})
	}
}
