package mdm

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// An Error is a reply of Entra ID or Graph with a status other than 200.
type Error struct {
	// Op is what was asked for, for example "device by name".
	Op     string
	Status int
	// Code is Graph's error.code ("TooManyRequests") or Entra's error ("invalid_client"); empty when the reply was
	// not theirs.
	Code string
	// Message is the innermost text: Intune wraps its own errors as JSON inside the message, once or twice
	// (facts: graph-and-entra 3.2).
	Message string
	// RetryAfter is how long the service asks to wait, or 0.
	RetryAfter time.Duration
	// RequestID names the request in a support case.
	RequestID string
}

// Error says what failed, how, and under which request id.
func (e *Error) Error() string {
	text := e.Op + ": " + strconv.Itoa(e.Status)
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Bounds on what a reply can make the NAC keep or wait.
const (
	maxMessage    = 512
	maxRetryAfter = time.Hour
	maxNesting    = 4
)

// newError reads an error reply.
func newError(op string, reply *http.Response, body []byte, now time.Time) *Error {
	e := &Error{Op: op, Status: reply.StatusCode, RequestID: shorten(printable(reply.Header.Get("request-id")), 64),
		RetryAfter: retryAfter(reply.Header, now)}
	e.Code, e.Message = decodeError(body)
	return e
}

// decodeError takes the code and the innermost message out of an error body of Graph or Entra ID. What is neither is
// quoted from its beginning.
func decodeError(body []byte) (code, message string) {
	var entra struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
	}
	var graph struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	switch {
	case json.Unmarshal(body, &entra) == nil && entra.Error != "":
		code, message = entra.Error, firstLine(entra.Description)
		if len(entra.Codes) > 0 && !strings.Contains(message, "AADSTS") {
			message = printable(fmt.Sprintf("AADSTS%d: %s", entra.Codes[0], message))
		}
	case json.Unmarshal(body, &graph) == nil && graph.Error.Code != "":
		code, message = innermost(graph.Error.Code, graph.Error.Message)
	default:
		message = printable(string(body))
	}
	return shorten(printable(code), 64), shorten(message, maxMessage)
}

// innermost unwraps messages that are JSON again.
func innermost(code, message string) (string, string) {
	for range maxNesting {
		var inner struct {
			ErrorCode string `json:"ErrorCode"`
			Message   string `json:"Message"`
		}
		if json.Unmarshal([]byte(message), &inner) != nil || inner.ErrorCode == "" && inner.Message == "" {
			break
		}
		if inner.ErrorCode != "" {
			code = inner.ErrorCode
		}
		message = inner.Message
	}
	message, _, _ = strings.Cut(message, " - Operation ID (for customer support)")
	return code, printable(message)
}

func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\r\n")
	text, _, _ = strings.Cut(text, " Trace ID: ")
	return printable(text)
}

// printable makes text fit for one line of a log, and for a terminal: without control characters, also those of Unicode.
func printable(text string) string {
	if len(text) > maxMessage {
		text = text[:maxMessage]
	}
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
}

func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// retryAfter is how long a reply asks to wait, or 0. Azure's services say it in milliseconds, too (facts:
// graph-and-entra 4.5).
func retryAfter(header http.Header, now time.Time) time.Duration {
	for _, name := range []string{"retry-after-ms", "x-ms-retry-after-ms"} {
		if ms := parseRetryAfter(header.Get(name), now); ms > 0 {
			return max(ms/1000, time.Millisecond)
		}
	}
	return parseRetryAfter(header.Get("Retry-After"), now)
}

// parseRetryAfter reads a Retry-After header: whole seconds or a date (RFC 9110 section 10.2.3), or seconds with a
// fraction, as Graph sends (facts: graph-and-entra 3.3). Anything else is 0.
func parseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if math.IsNaN(seconds) || seconds <= 0 {
			return 0
		}
		if seconds >= maxRetryAfter.Seconds() {
			return maxRetryAfter
		}
		return time.Duration(seconds * float64(time.Second))
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
