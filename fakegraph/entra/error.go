package entra

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"nacsim/fakegraph/wire"
)

// An entraError is an error of the authority: a row of the table, with its text filled in.
type entraError struct {
	aadsts
	message string
}

// refuse makes the error of a number from what its text speaks of.
func refuse(number int, about ...any) *entraError {
	i := slices.IndexFunc(errorTable, func(row aadsts) bool { return row.number == number })
	row := errorTable[i]
	return &entraError{row, fmt.Sprintf(row.text, about...)}
}

// withCode is the error under another OAuth 2.0 error, where an endpoint uses one of its own.
func (e *entraError) withCode(code string) *entraError {
	changed := *e
	changed.code = code
	return &changed
}

func (e *entraError) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.number, e.message) }

// An ErrorLayout is how the parts of an error_description are put together.
type ErrorLayout int

const (
	// ErrorOneLine separates them by spaces, as newer replies of the real service do.
	ErrorOneLine ErrorLayout = iota
	// ErrorLines puts each on a line of its own, ended by CRLF.
	ErrorLines
)

// entraErrorBody is the error reply of Entra ID.
type entraErrorBody struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri,omitempty"`
	// SubError tells client libraries what a user could do about it.
	SubError string `json:"suberror,omitempty"`
}

// subErrors are those that client libraries look at.
var subErrors = map[int]string{50076: "basic_action", 50079: "basic_action", 50173: "bad_token", 65001: "consent_required"}

// describe fills in the body of an error reply.
func (a *Authority) describe(w http.ResponseWriter, e *entraError) entraErrorBody {
	body := entraErrorBody{
		Error: e.code, Codes: []int{e.number}, Timestamp: a.h.Now().UTC().Format("2006-01-02 15:04:05Z"),
		TraceID: w.Header().Get(wire.RequestID), CorrelationID: w.Header().Get(wire.ClientRequestID), SubError: subErrors[e.number],
	}
	between := " "
	if a.cfg.ErrorLayout == ErrorLines {
		between = "\r\n"
	}
	body.Description = e.Error() + between + "Trace ID: " + body.TraceID + between + "Correlation ID: " + body.CorrelationID + between + "Timestamp: " + body.Timestamp
	if e.lookup {
		body.URI = fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", e.number)
	}
	return body
}

func (a *Authority) entraError(w http.ResponseWriter, r *http.Request, e *entraError) {
	wire.NoteOf(r).Text = e.Error()
	noStore(w)
	wire.WriteJSON(w, e.status, a.describe(w, e))
}

// asEntraError is an error for the client. What has no number of its own is a trouble of the service.
func asEntraError(err error) *entraError {
	if e, ok := errors.AsType[*entraError](err); ok {
		return e
	}
	e := refuse(90033)
	e.status, e.code, e.message = http.StatusInternalServerError, "server_error", err.Error()
	return e
}

// noStore marks what must not be cached (RFC 6749 section 5.1).
func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Pragma", "no-cache")
}
