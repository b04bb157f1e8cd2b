package entra

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/fault"
	"nacsim/fakegraph/wire"
)

// serveToken answers the token endpoint of version 2 or 1 (facts 4.2).
func (a *Authority) serveToken(v2 bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, clientID, err := a.token(r, v2)
		fields := []slog.Attr{slog.String("client_id", clientID), slog.String("result", "issued")}
		if err != nil {
			fields[1] = slog.String("result", "refused")
			a.h.Trace("token", append(fields, slog.String("error", err.Error()))...)
			var e *entraError
			if !errors.As(err, &e) {
				e = &entraError{http.StatusInternalServerError, "server_error", 90033, err.Error(), true}
			}
			a.entraError(w, e)
			return
		}
		a.h.Trace("token", fields...)
		noStore(w)
		if v2 {
			wire.WriteJSON(w, http.StatusOK, t)
		} else {
			wire.WriteJSON(w, http.StatusOK, t.v1())
		}
	}
}

// tokenReply is the reply of version 2.
type tokenReply struct {
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	ExtExpiresIn int64  `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`

	now      time.Time
	resource string
}

// tokenReplyV1 is the reply of version 1, whose numbers are texts.
type tokenReplyV1 struct {
	TokenType    string `json:"token_type"`
	ExpiresIn    string `json:"expires_in"`
	ExtExpiresIn string `json:"ext_expires_in"`
	ExpiresOn    string `json:"expires_on"`
	NotBefore    string `json:"not_before"`
	Resource     string `json:"resource"`
	AccessToken  string `json:"access_token"`
}

func (t *tokenReply) v1() tokenReplyV1 {
	text := func(n int64) string { return strconv.FormatInt(n, 10) }
	return tokenReplyV1{
		TokenType: t.TokenType, ExpiresIn: text(t.ExpiresIn), ExtExpiresIn: text(t.ExtExpiresIn),
		ExpiresOn: text(t.now.Unix() + t.ExpiresIn), NotBefore: text(t.now.Unix()),
		Resource: t.resource, AccessToken: t.AccessToken,
	}
}

// token checks a request in the order in which Entra ID does and issues a token.
func (a *Authority) token(r *http.Request, v2 bool) (*tokenReply, string, error) {
	tenant := mux.Vars(r)["tenant"]
	if r.Method != http.MethodPost {
		return nil, "", errNotPost(r.Method)
	}
	if !a.directory.Owns(tenant) {
		return nil, "", errTenantUnknown(tenant)
	}
	form, err := readTokenRequest(r)
	if err != nil {
		return nil, "", errBody(err)
	}
	clientID, secret, ok := basicCredentials(r.Header.Get("Authorization"))
	if !ok {
		clientID, secret = form.Get("client_id"), form.Get("client_secret")
	}
	clientID = clip(clientID)
	if err := checkGrant(form, clientID); err != nil {
		return nil, clientID, err
	}
	app, ok := a.directory.App(clientID)
	if !ok {
		return nil, clientID, errAppUnknown(clientID, a.directory.Tenant())
	}
	struck := fault.Struck(r)
	now := a.h.Now().Add(struck.ClockSkew())
	if struck.WithoutRoles() {
		app.Roles = nil
	}
	if err := authenticate(&app, form, secret, now); err != nil {
		return nil, clientID, err
	}
	audience, err := a.audience(form, v2)
	if err != nil {
		return nil, clientID, err
	}
	text, err := a.tokens.issue(app, audience, now)
	if err != nil {
		return nil, clientID, err
	}
	seconds := int64(a.cfg.TokenLifetime / time.Second)
	return &tokenReply{"Bearer", seconds, seconds, text, now, audience}, clientID, nil
}

// maxText bounds what of a client's text is repeated to it.
const maxText = 256

// clip bounds a client's text before it goes into a reply and the trace.
func clip(text string) string {
	if len(text) > maxText {
		return strings.ToValidUTF8(text[:maxText], "")
	}
	return text
}

func checkGrant(form url.Values, clientID string) error {
	switch grant := form.Get("grant_type"); grant {
	case "client_credentials":
	case "":
		return errParameterMissing("grant_type")
	default:
		return errGrantType(clip(grant))
	}
	if clientID == "" {
		return errParameterMissing("client_id")
	}
	return nil
}

func authenticate(app *directory.App, form url.Values, secret string, now time.Time) error {
	if secret == "" {
		if form.Get("client_assertion") != "" {
			return errAssertion()
		}
		return errNoCredential()
	}
	switch known, expired := app.CheckSecret(secret, now); {
	case !known:
		return errSecretWrong(app.ClientID)
	case expired:
		return errSecretExpired(app.ClientID)
	}
	return nil
}

// audience is the resource that a token is asked for: in version 2 by a scope that ends in /.default, in version 1
// by resource.
func (a *Authority) audience(form url.Values, v2 bool) (string, error) {
	resource := form.Get("resource")
	if !v2 {
		if resource == "" {
			return "", errParameterMissing("resource")
		}
		return a.knownAudience(clip(resource))
	}
	if resource != "" {
		return "", errResourceParameter()
	}
	scope := clip(form.Get("scope"))
	if scope == "" {
		return "", errParameterMissing("scope")
	}
	for name := range strings.FieldsSeq(scope) {
		if slices.Contains([]string{"openid", "offline_access", "profile", "email"}, name) {
			continue // client libraries add them; they mean nothing for an app (facts 4.2)
		}
		of, ok := strings.CutSuffix(name, "/.default")
		if !ok {
			return "", errScope(name)
		}
		if resource != "" && resource != of {
			return "", errTwoResources(scope)
		}
		resource = of
	}
	if resource == "" {
		return "", errScope(scope)
	}
	return a.knownAudience(resource)
}

func (a *Authority) knownAudience(resource string) (string, error) {
	if resource == GraphAppID || strings.EqualFold(strings.TrimSuffix(resource, "/"), GraphAudience) {
		return GraphAudience, nil
	}
	if resource == directory.IntuneAppID || resource == directory.IntuneAPIAppID || strings.EqualFold(strings.TrimSuffix(resource, "/"), strings.TrimSuffix(IntuneAudience, "/")) {
		return IntuneAudience, nil
	}
	return "", errResourceUnknown(resource, a.directory.Tenant())
}
