package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
)

// authorized reports whether a request shows the token. How long that takes says nothing about the token.
func (s *Server) authorized(r *http.Request) bool {
	shown, ok := shownToken(r)
	sum := sha256.Sum256([]byte(shown))
	return subtle.ConstantTimeCompare(sum[:], s.token[:]) == 1 && ok
}

// shownToken is what a request has for a token.
func shownToken(r *http.Request) (string, bool) {
	if _, password, basic := r.BasicAuth(); basic {
		return password, true
	}
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), found && strings.EqualFold(scheme, "Bearer")
}

// challenge refuses a request without the token. A browser is told to ask its user for a password.
func (s *Server) challenge(w http.ResponseWriter, r *http.Request) {
	what := "the token is missing; send it as \"Authorization: Bearer TOKEN\""
	if r.Header.Get("Authorization") != "" {
		what = "the token is wrong"
		s.h.Trace("drop", slog.String("from", r.RemoteAddr), slog.String("reason", "api_token"))
	}
	if wantsPage(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="nacsim: the token of the API is the password", charset="UTF-8"`)
	} else {
		w.Header().Set("WWW-Authenticate", `Bearer realm="nacsim"`)
	}
	s.fail(w, http.StatusUnauthorized, "unauthorized", what)
}

// wantsPage reports whether a browser asks for something to show.
func wantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }
