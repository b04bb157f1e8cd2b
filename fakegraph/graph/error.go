package graph

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"nacsim/fakegraph/wire"
)

// A failure is a reply other than what was asked for.
type failure struct {
	status  int
	code    string
	message string
	// behind says that the service behind Graph refuses, whose body Graph passes on as text (facts 3.2).
	behind bool
}

func (e *failure) Error() string { return e.message }

// A refusal is an error whose text goes to the client, in Graph's own words.
type refusal string

func (r refusal) Error() string { return string(r) }

func refusef(format string, args ...any) refusal { return refusal(fmt.Sprintf(format, args...)) }

func badRequest(message string) *failure {
	return &failure{status: http.StatusBadRequest, code: "BadRequest", message: message}
}

// noDevice answers for a managed device that does not exist.
func noDevice() *failure {
	return &failure{status: http.StatusNotFound, code: "ResourceNotFound", message: "An error has occurred", behind: true}
}

// noObject answers for a directory object that does not exist (facts 3.2).
func noObject(id string) *failure {
	return &failure{status: http.StatusNotFound, code: "Request_ResourceNotFound",
		message: "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present."}
}

// fail answers with what a handler returned.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := &failure{status: http.StatusBadRequest, code: "BadRequest", message: err.Error()}
	errors.As(err, &f)
	if note := wire.NoteOf(r); note.Text == "" {
		note.Text = f.message
	}
	if f.behind {
		a.backendError(w, r, f.status, f.code, f.message)
		return
	}
	a.graphError(w, f.status, f.code, f.message)
}

// errorBody is Graph's error envelope (facts 3.1).
type errorBody struct {
	Error struct {
		Code       string `json:"code"`
		Message    string `json:"message"`
		InnerError struct {
			Date            string `json:"date"`
			RequestID       string `json:"request-id"`
			ClientRequestID string `json:"client-request-id"`
		} `json:"innerError"`
	} `json:"error"`
}

// graphError answers with an error of Graph itself. The request's ids are taken from the reply's headers.
func (a *API) graphError(w http.ResponseWriter, status int, code, message string) {
	var body errorBody
	body.Error.Code, body.Error.Message = code, message
	inner := &body.Error.InnerError
	inner.Date = a.h.Now().UTC().Format("2006-01-02T15:04:05") // without a zone, as the real one
	inner.RequestID = w.Header().Get(wire.RequestID)
	inner.ClientRequestID = w.Header().Get(wire.ClientRequestID)
	wire.WriteJSON(w, status, body)
}

// backendError answers with an error of the Intune service behind Graph, whose body Graph passes on as text, so
// that the message is JSON again (facts 3.2).
func (a *API) backendError(w http.ResponseWriter, r *http.Request, status int, code, text string) {
	a.graphError(w, status, code, backendBody(w, r, text, "{}"))
}

// wrappedError is backendError with the body wrapped once more, as Graph does when the code is not one that it passes on
// (facts 3.2): the message is JSON with a Message that is JSON.
func (a *API) wrappedError(w http.ResponseWriter, r *http.Request, status int, code, text, headers string) {
	a.graphError(w, status, "UnknownError",
		`{"ErrorCode":`+quoteJSON(code)+`,"Message":`+quoteJSON(backendBody(w, r, text, headers))+`}`)
}

// backendBody is what the Intune service says.
func backendBody(w http.ResponseWriter, r *http.Request, text, headers string) string {
	query := "?api-version=2023-10-19"
	if r.URL.RawQuery != "" {
		query += "&" + r.URL.RawQuery
	}
	text += " - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: " +
		w.Header().Get(wire.ClientRequestID) +
		" - Url: https://fef.msub01.manage.microsoft.com/DeviceFE/StatelessDeviceFEService" + backendPath(r) + query
	retryAfter := "null"
	if seconds, err := strconv.Atoi(w.Header().Get("Retry-After")); err == nil {
		retryAfter = quoteJSON(fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60))
	}
	return "{\r\n  \"_version\": 3,\r\n  \"Message\": " + quoteJSON(text) +
		",\r\n  \"CustomApiErrorPhrase\": \"\",\r\n  \"RetryAfter\": " + retryAfter +
		",\r\n  \"ErrorSourceService\": \"\",\r\n  \"HttpHeaders\": " + quoteJSON(headers) + "\r\n}"
}

// backendPath is the path as the service behind Graph sees it: without the version, and spelled as the client did.
func backendPath(r *http.Request) string {
	segments := strings.FieldsFunc(r.RequestURI, func(c rune) bool { return c == '/' })
	return "/" + strings.Join(segments[min(1, len(segments)):], "/")
}

// Fail answers with what Graph says for a status that a fault asks for (facts 3.2).
func (a *API) Fail(w http.ResponseWriter, r *http.Request, status int) {
	switch status {
	case http.StatusUnauthorized:
		a.unauthorized(w, r, "Lifetime validation failed, the token is expired.", "")
	case http.StatusForbidden:
		a.wrappedError(w, r, status, "Forbidden", "An error has occurred", `{"WWW-Authenticate":"Bearer realm=\"urn:intune:service\""}`)
	case http.StatusNotFound:
		a.backendError(w, r, status, "ResourceNotFound", "An error has occurred")
	case http.StatusTooManyRequests:
		a.graphError(w, status, "TooManyRequests", "An error has occurred.")
	case http.StatusInternalServerError:
		a.backendError(w, r, status, "InternalServerError", "An internal server error has occurred")
	case http.StatusServiceUnavailable:
		a.backendError(w, r, status, "serviceNotAvailable", "The service is temporarily unavailable.")
	case http.StatusGatewayTimeout:
		a.graphError(w, status, "UnknownError", "")
	default:
		a.graphError(w, status, "UnknownError", http.StatusText(status))
	}
}

func quoteJSON(s string) string { return string(appendJSONString(nil, s)) }
