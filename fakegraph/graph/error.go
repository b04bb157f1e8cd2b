package graph

import (
	"fmt"
	"net/http"

	"nacsim/fakegraph/wire"
)

// graphErrorBody is Graph's error envelope (facts 3.1).
type graphErrorBody struct {
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
	var body graphErrorBody
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
	id := w.Header().Get(wire.ClientRequestID)
	query := "?api-version=2023-10-19"
	if r.URL.RawQuery != "" {
		query += "&" + r.URL.RawQuery
	}
	text += " - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: " + id +
		" - Url: https://fef.msub01.manage.microsoft.com/DeviceFE/StatelessDeviceFEService" + r.URL.Path + query
	a.graphError(w, status, code, "{\r\n  \"_version\": 3,\r\n  \"Message\": "+quoteJSON(text)+
		",\r\n  \"CustomApiErrorPhrase\": \"\",\r\n  \"RetryAfter\": null,\r\n  \"ErrorSourceService\": \"\",\r\n  \"HttpHeaders\": \"{}\"\r\n}")
}

// Fail answers with what Graph says for a status that a fault asks for (facts 3.2).
func (a *API) Fail(w http.ResponseWriter, r *http.Request, status int) {
	switch status {
	case http.StatusUnauthorized:
		a.unauthorized(w, "Lifetime validation failed, the token is expired.")
	case http.StatusForbidden:
		a.graphError(w, status, "UnknownError", `{"ErrorCode":"Forbidden","Message":"{\r\n  \"_version\": 3,\r\n  \"Message\": \"An error has occurred\"\r\n}"}`)
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

// A refusal is an error whose text goes to the client, in Graph's own words.
type refusal string

func (r refusal) Error() string { return string(r) }

func refusef(format string, args ...any) refusal { return refusal(fmt.Sprintf(format, args...)) }

func quoteJSON(s string) string { return string(appendJSONString(nil, s)) }
