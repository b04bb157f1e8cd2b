package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// readAll reads the body of a request.
func readAll(c *call) ([]byte, error) {
	data, err := io.ReadAll(c.Body)
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return nil, &failure{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d octets", long.Limit)}
	}
	if err != nil {
		return nil, badRequest("the body cannot be read: %v", err)
	}
	return data, nil
}

// decode reads a body into a struct, strictly.
func decode[T any](c *call) (T, error) {
	var v T
	data, err := readAll(c)
	if err != nil {
		return v, err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return v, badRequest("there is no body; expected JSON with %s", strings.Join(keys(v), ", "))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, explain(err, data, keys(v))
	}
	if d.More() {
		return v, badRequest("there is more than one JSON value in the body")
	}
	return v, nil
}

// explain says in words what is wrong with a body.
func explain(err error, data []byte, keys []string) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return badRequest("the body is not JSON: %v at octet %d", err, syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return badRequest("the body is not JSON: it ends too early, after %d octets", len(data))
	case errors.As(err, &kind) && kind.Field != "":
		// Structures that a body is made of are not in its JSON, although the error names them.
		return badRequest("%s is a %s, want %s", strings.TrimPrefix(kind.Field, "posture."), kind.Value, kindText(kind.Type))
	case errors.As(err, &kind):
		return badRequest("the body is a %s, want an object with %s", kind.Value, strings.Join(keys, ", "))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return badRequest("unknown key %s; expected one of %s", name, strings.Join(keys, ", "))
	}
	return badRequest("%v", strings.TrimPrefix(err.Error(), "json: "))
}

// kindText names a type as JSON does.
func kindText(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kindText(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a number"
}

// keys are the names in the JSON of a struct.
func keys(v any) []string {
	var list []string
	t := reflect.TypeOf(v)
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			list = append(list, name)
		}
	}
	return list
}

// A duration is one in words, such as "8h" or "1h30m".
type duration time.Duration

// UnmarshalText reads what time.ParseDuration does, and days: "2d".
func (d *duration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return badRequest("%q is not a duration such as 30s, 8h or 2d", s)
		}
		*d = duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return badRequest("%q is not a duration such as 30s, 8h or 2d", s)
	}
	*d = duration(v)
	return nil
}

// MarshalText writes hours, minutes and seconds.
func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// number reads a parameter of the query, or the default without one.
func number(c *call, name string, without, max int) (int, error) {
	text := c.URL.Query().Get(name)
	if text == "" {
		return without, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > max {
		return 0, badRequest("%s is %q; expected a number from 0 to %d", name, text, max)
	}
	return n, nil
}

// flag reads a parameter of the query that is true or false.
func flag(c *call, name string) (bool, error) {
	switch text := c.URL.Query().Get(name); text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, badRequest("%s is %q; expected true or false", name, text)
	}
}
