package api

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"nacsim/internal/host"
	"nacsim/nac/link"
)

//go:embed page.html index.html result.html
var pages embed.FS

var (
	indexPage  = template.Must(template.ParseFS(pages, "page.html", "index.html"))
	resultPage = template.Must(template.ParseFS(pages, "page.html", "result.html"))
)

// show writes a page. It may send forms to the NAC itself, and those on to the authority.
func (s *Server) show(w http.ResponseWriter, status int, t *template.Template, v any) {
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		s.fail(w, http.StatusInternalServerError, "fault", "the page cannot be made")
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self' "+s.cfg.Authority)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // who does not read it does not want it
}

// page shows the account, and what can be asked for.
func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	type row struct{ Method, Path, Doc string }
	v := struct {
		Title     string
		Account   *account
		Endpoints []row
	}{Title: "nacsim"}
	if status, ok := s.nac.Account(); ok {
		a := newAccount(&status, s.h.Now())
		v.Account = &a
	}
	for _, e := range endpoints {
		v.Endpoints = append(v.Endpoints, row{e.method, e.path, e.doc})
	}
	s.show(w, http.StatusOK, indexPage, v)
}

// result is what the administrator sees at the end of linking.
type result struct {
	Good              bool
	Title, Text       string
	Code, Description string
}

// callback ends an attempt to link an account.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) {
	status, err := s.nac.FinishLink(r.URL.RawQuery)
	var refusal *link.Refusal
	switch {
	case err == nil:
		s.show(w, http.StatusOK, resultPage, result{Good: true, Title: "The Intune account is linked", Text: "The tenant is " + status.Tenant + "."})
	case errors.As(err, &refusal):
		s.show(w, http.StatusBadRequest, resultPage, result{Title: "The Intune account is not linked", Text: sentence(refusal.Text), Code: refusal.Code, Description: refusal.Description})
	case errors.Is(err, ErrNoIntune), errors.Is(err, ErrNoRedirect), errors.Is(err, ErrOtherTenant):
		s.show(w, http.StatusConflict, resultPage, result{Title: "The Intune account is not linked", Text: sentence(err.Error())})
	case errors.Is(err, host.ErrDown):
		s.show(w, http.StatusServiceUnavailable, resultPage, result{Title: "The Intune account is not linked", Text: "The NAC is ending."})
	default:
		s.show(w, http.StatusBadGateway, resultPage, result{Title: "The Intune account is not linked",
			Text: "Consent was given, but the NAC does not get a token: " + err.Error() + ". Begin anew."})
	}
}

// sentence makes a sentence of a text.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
