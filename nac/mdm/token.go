package mdm

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"nacsim/internal/guid"
)

// A tokenSource keeps the access token for Graph, and whose it is.
type tokenSource struct {
	flight flight[struct{}]

	mu sync.Mutex
	// tenant is the directory that tokens are asked for, empty when none is linked, and tid the ID that they have to
	// name, empty as long as none has.
	tenant, tid string
	token       accessToken
	// turns counts how often that was set, and the credential replaced.
	turns int
}

// An accessToken is what Entra has issued.
type accessToken struct {
	text string
	// tid is the directory that the token says it is for, empty when it cannot be read.
	tid string
	// asked is when it was asked for, renew when it is to be replaced, and end when it is of no use any more.
	asked, renew, end time.Time
}

// renewBefore is how long before its end a token is replaced; client libraries of Microsoft do the same (facts:
// graph-and-entra 4.5). A token that lives less than twice as long is used for half its life.
const renewBefore = 5 * time.Minute

// renewAgain is how long a token that could not be replaced yet is used before that is tried again, and one that is too
// weak before it is replaced.
const renewAgain = time.Minute

// errUnlinked is why nothing can be asked.
var errUnlinked = errors.New("no Intune account is linked")

// token returns a token that is not due for renewal and is not the refused one. One that is due serves until its end
// while Entra gives no other.
func (g *graph) token(refused string) (string, error) {
	if text := g.tokens.current(g.h.Now(), refused); text != "" {
		return text, nil
	}
	if _, err := g.tokens.flight.do(g.h, g.tokens.keyed(""), func() (struct{}, error) { return struct{}{}, g.renewToken() }); err != nil {
		if text := g.tokens.last(g.h.Now(), refused); text != "" {
			return text, nil
		}
		return "", err
	}
	if text := g.tokens.current(g.h.Now(), ""); text != "" {
		return text, nil
	}
	return "", errors.New("token: it has expired on arrival")
}

func (t *tokenSource) current(now time.Time, refused string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token.text == refused || !now.Before(t.token.renew) {
		return ""
	}
	return t.token.text
}

// last returns the token that could not be replaced, unless it has ended or is the refused one.
func (t *tokenSource) last(now time.Time, refused string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token.text == refused || !now.Before(t.token.end) {
		return ""
	}
	t.token.renew = now.Add(renewAgain)
	return t.token.text
}

// doubt has a token be replaced that Graph finds too weak: what the app may do is written into a token when it is issued, so
// consent that is given takes effect with the next one. A young token serves for a while.
func (t *tokenSource) doubt(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at := t.token.asked.Add(renewAgain); t.token.text == text && at.Before(t.token.renew) {
		t.token.renew = at
	}
}

// bind makes tenant the directory that tokens are for. The ID may be empty for a tenant that has not been asked yet.
func (t *tokenSource) bind(tenant, tid string, token accessToken) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tenant, t.tid, t.token = tenant, tid, token
	t.turns++
}

// turn keeps those who ask for a token from sharing an answer that is still to come to what was asked before.
func (t *tokenSource) turn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turns++
}

// keyed makes the key of a flight. An answer of the directory that was linked before, or to another credential, must
// not be taken for one of the next.
func (t *tokenSource) keyed(what string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strconv.Itoa(t.turns) + " " + what
}

// boundTo returns the ID of the directory that tokens are for, empty when it is not known yet.
func (t *tokenSource) boundTo() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tid
}

// renewToken replaces the token.
func (g *graph) renewToken() error {
	t := &g.tokens
	t.mu.Lock()
	tenant := t.tenant
	t.mu.Unlock()
	if tenant == "" {
		return errUnlinked
	}
	token, err := g.askToken(tenant)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.tenant != tenant:
		return errUnlinked // it has been unlinked, or linked to another, meanwhile
	case t.tid != "" && token.tid != "" && !strings.EqualFold(t.tid, token.tid):
		return fmt.Errorf("token: it is for the tenant %s, and %s is linked", token.tid, t.tid)
	case t.tid == "":
		t.tid = token.tid
	}
	t.token = token
	return nil
}

// askToken asks Entra ID for a token of a directory with the client credentials grant (RFC 6749 section 4.4).
func (g *graph) askToken(tenant string) (accessToken, error) {
	asked := g.h.Now()
	address := g.cfg.Authority + "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token"
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {g.cfg.ClientID}, "scope": {defaultScope}}
	if c := g.credential.Load(); c.secret != "" {
		form.Set("client_secret", c.secret)
	} else {
		assertion, err := g.assertion(c, address, asked)
		if err != nil {
			return accessToken{}, fmt.Errorf("token: %w", err)
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	}
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return accessToken{}, fmt.Errorf("token: %w", err)
	}
	req.Header.Set("Content-Type", formType)
	reply, body, err := g.roundTrip(opToken, 1, req, false)
	if err != nil {
		return accessToken{}, err
	}
	if reply.StatusCode != http.StatusOK {
		return accessToken{}, newError(opToken, reply, body, g.h.Now())
	}
	token, err := decodeToken(body, asked)
	if err == nil && guid.Valid(tenant) && token.tid != "" && !strings.EqualFold(tenant, token.tid) {
		err = fmt.Errorf("token: asked for the tenant %s, got one for %s", tenant, token.tid)
	}
	return token, err
}

// opToken is Error.Op of a request for a token, defaultScope stands for all that the app has been granted, and formType is the
// form that the request has.
const (
	opToken      = "token"
	defaultScope = "https://graph.microsoft.com/.default"
	formType     = "application/x-www-form-urlencoded"
)

// maxLifetime bounds what is believed of the life of a token.
const maxLifetime = 7 * 24 * time.Hour

// decodeToken reads a token reply. Its numbers are texts with the endpoint of version 1, and either expires_in or
// expires_on has to be there (facts: graph-and-entra 4.2, 4.5).
func decodeToken(body []byte, asked time.Time) (accessToken, error) {
	var t struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   number `json:"expires_in"`
		ExpiresOn   number `json:"expires_on"`
		RefreshIn   number `json:"refresh_in"`
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return accessToken{}, fmt.Errorf("token: %w", err)
	}
	if t.AccessToken == "" || strings.ContainsFunc(t.AccessToken, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return accessToken{}, errors.New("token: the reply has no usable access_token")
	}
	seconds := t.ExpiresIn.value
	if !t.ExpiresIn.there && t.ExpiresOn.there {
		seconds = t.ExpiresOn.value - float64(asked.Unix())
	}
	if !(seconds >= 1 && seconds <= maxLifetime.Seconds()) {
		return accessToken{}, fmt.Errorf("token: expires_in is %q and expires_on %q, want the seconds that it lives or the time of its end",
			t.ExpiresIn.text, t.ExpiresOn.text)
	}
	lifetime := time.Duration(seconds) * time.Second
	use := lifetime - min(renewBefore, lifetime/2)
	if refresh := t.RefreshIn.value; refresh >= 1 && refresh < use.Seconds() {
		use = time.Duration(refresh) * time.Second
	}
	return accessToken{text: t.AccessToken, tid: tenantOf(t.AccessToken), asked: asked, renew: asked.Add(use), end: asked.Add(lifetime)}, nil
}

// A number is one that may be written as a text. What is neither is not there.
type number struct {
	there bool
	value float64
	text  string
}

func (n *number) UnmarshalJSON(text []byte) error {
	s := strings.Trim(string(text), `"`)
	value, err := strconv.ParseFloat(s, 64)
	*n = number{there: err == nil, value: value, text: shorten(printable(s), 64)}
	return nil
}

// tenantOf reads the claim tid of an access token, or returns "". The token came from Entra over TLS, so its
// signature, which is for Graph to check, says nothing more.
func tenantOf(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, ok := strings.Cut(rest, ".")
	if !ok {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var claims struct {
		TID string `json:"tid"`
	}
	if json.Unmarshal(text, &claims) != nil || !guid.Valid(claims.TID) {
		return ""
	}
	return strings.ToLower(claims.TID)
}
