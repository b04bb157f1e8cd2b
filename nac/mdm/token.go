package mdm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A tokenSource keeps the access token for Graph.
type tokenSource struct {
	flight flight

	mu   sync.Mutex
	text string
	// renew is when the token is to be replaced.
	renew time.Time
}

// renewBefore is how long before its end a token is replaced; client libraries of Microsoft do the same (facts:
// graph-and-entra 4.5). A token that lives less than twice as long is used for half its life.
const renewBefore = 5 * time.Minute

// token returns a token that is not due for renewal and is not the refused one.
func (g *graph) token(refused string) (string, error) {
	if text := g.tokens.current(g.h.Now(), refused); text != "" {
		return text, nil
	}
	if err := g.tokens.flight.do(g.h, g.renewToken); err != nil {
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
	if t.text == refused || !now.Before(t.renew) {
		return ""
	}
	return t.text
}

// renewToken asks Entra ID for a token with the client credentials grant (RFC 6749 section 4.4).
func (g *graph) renewToken() error {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {g.cfg.ClientID}, "client_secret": {g.cfg.ClientSecret},
		"scope": {"https://graph.microsoft.com/.default"},
	}
	address := g.cfg.Authority + "/" + url.PathEscape(g.cfg.Tenant) + "/oauth2/v2.0/token"
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	asked := g.h.Now()
	reply, body, err := g.roundTrip(req)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	if reply.StatusCode != http.StatusOK {
		return newError("token", reply, body, g.h.Now())
	}
	text, lifetime, err := decodeToken(body)
	if err != nil {
		return err
	}
	g.tokens.mu.Lock()
	defer g.tokens.mu.Unlock()
	g.tokens.text = text
	g.tokens.renew = asked.Add(lifetime - min(renewBefore, lifetime/2))
	return nil
}

// decodeToken reads a token reply. The lifetime is a number, or with the endpoint of version 1 a text.
func decodeToken(body []byte) (text string, lifetime time.Duration, err error) {
	var t struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   any    `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return "", 0, fmt.Errorf("token: %w", err)
	}
	if t.AccessToken == "" || strings.ContainsFunc(t.AccessToken, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", 0, errors.New("token: the reply has no usable access_token")
	}
	var seconds float64
	switch v := t.ExpiresIn.(type) {
	case float64:
		seconds = v
	case string:
		seconds, err = strconv.ParseFloat(v, 64)
	}
	if err != nil || !(seconds >= 1 && seconds <= 7*24*3600) {
		return "", 0, fmt.Errorf("token: expires_in is %v, want seconds", t.ExpiresIn)
	}
	return t.AccessToken, time.Duration(seconds) * time.Second, nil
}
