package fakegraph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
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
func (s *Server) graphError(w http.ResponseWriter, status int, code, message string) {
	var body graphErrorBody
	body.Error.Code, body.Error.Message = code, message
	inner := &body.Error.InnerError
	inner.Date = s.h.Now().UTC().Format("2006-01-02T15:04:05") // without a zone, as the real one
	inner.RequestID = w.Header().Get(headerRequestID)
	inner.ClientRequestID = w.Header().Get(headerClientRequestID)
	writeJSON(w, status, body)
}

// backendError answers with an error of the Intune service behind Graph, whose body Graph passes on as text, so
// that the message is JSON again (facts 3.2).
func (s *Server) backendError(w http.ResponseWriter, r *http.Request, status int, code, text string) {
	id := w.Header().Get(headerClientRequestID)
	query := "?api-version=2023-10-19"
	if r.URL.RawQuery != "" {
		query += "&" + r.URL.RawQuery
	}
	text += " - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: " + id +
		" - Url: https://fef.msub01.manage.microsoft.com/DeviceFE/StatelessDeviceFEService" + r.URL.Path + query
	s.graphError(w, status, code, "{\r\n  \"_version\": 3,\r\n  \"Message\": "+quoteJSON(text)+
		",\r\n  \"CustomApiErrorPhrase\": \"\",\r\n  \"RetryAfter\": null,\r\n  \"ErrorSourceService\": \"\",\r\n  \"HttpHeaders\": \"{}\"\r\n}")
}

// statusError answers with what Graph says for a status that a fault asks for (facts 3.2).
func (s *Server) statusError(w http.ResponseWriter, r *http.Request, status int) {
	switch status {
	case http.StatusUnauthorized:
		s.unauthorized(w, "Lifetime validation failed, the token is expired.")
	case http.StatusForbidden:
		s.graphError(w, status, "UnknownError", `{"ErrorCode":"Forbidden","Message":"{\r\n  \"_version\": 3,\r\n  \"Message\": \"An error has occurred\"\r\n}"}`)
	case http.StatusNotFound:
		s.backendError(w, r, status, "ResourceNotFound", "An error has occurred")
	case http.StatusTooManyRequests:
		s.graphError(w, status, "TooManyRequests", "An error has occurred.")
	case http.StatusInternalServerError:
		s.backendError(w, r, status, "InternalServerError", "An internal server error has occurred")
	case http.StatusServiceUnavailable:
		s.backendError(w, r, status, "serviceNotAvailable", "The service is temporarily unavailable.")
	case http.StatusGatewayTimeout:
		s.graphError(w, status, "UnknownError", "")
	default:
		s.graphError(w, status, "UnknownError", http.StatusText(status))
	}
}

// writeJSON writes v as the whole reply. Values that reach it always marshal.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeBody(w, status, "application/json", body)
}

func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone if this fails
}

// A refusal is an error whose text goes to the client, in Graph's own words.
type refusal string

func (r refusal) Error() string { return string(r) }

func refusef(format string, args ...any) refusal { return refusal(fmt.Sprintf(format, args...)) }

func quoteJSON(s string) string { return string(appendJSONString(nil, s)) }
