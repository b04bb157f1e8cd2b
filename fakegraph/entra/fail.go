package entra

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// Fail answers with what Entra ID says for a number of its errors, or when that is 0 or none that faults know, for a status.
func (a *Authority) Fail(w http.ResponseWriter, status, number int) {
	if number == 0 {
		switch status {
		case http.StatusTooManyRequests:
			number = 90055
		case http.StatusUnauthorized:
			number = 7000215
		case http.StatusBadRequest:
			number = 90014
		}
	}
	e := failure(number)
	if e.status = status; status == 0 {
		e.status = http.StatusBadRequest
	}
	a.entraError(w, e)
}

// failure is an error that befalls an app which has done nothing wrong.
func failure(number int) *entraError {
	const app = "unknown"
	switch number {
	case 7000215:
		return errSecretWrong(app)
	case 7000222:
		return errSecretExpired(app)
	case 700027:
		return &entraError{code: "invalid_client", number: number, message: "The certificate with identifier used to sign the client assertion is expired on application. [Reason - The key used is expired.]"}
	case 90055:
		return &entraError{code: "temporarily_unavailable", number: number, message: "The user or administrator has exceeded the number of requests that are allowed for the tenant."}
	case 90014:
		return &entraError{code: "invalid_request", number: number, message: "The required field is missing from the credential."}
	}
	return &entraError{code: "temporarily_unavailable", number: 90033, message: "A transient error has occurred. Please try again.", lookup: true}
}

// AppOf is the client id in a token request, or "" in any other. The request can be read as before.
func AppOf(r *http.Request) string {
	if !strings.HasSuffix(r.URL.Path, "/token") || r.Body == nil {
		return ""
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxTokenBody+1))
	rest := r.Body
	again := func() {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), rest), rest}
	}
	if again(); err != nil {
		return ""
	}
	form, err := readTokenRequest(r)
	if again(); err != nil {
		return ""
	}
	if id, _, ok := basicCredentials(r.Header.Get("Authorization")); ok {
		return id
	}
	return form.Get("client_id")
}
