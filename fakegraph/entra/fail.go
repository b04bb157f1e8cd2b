package entra

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"nacsim/fakegraph/wire"
)

// Fail answers with the error of a number of the table, or when that is 0 or no such number, with what Entra ID says for a status. It befalls an
// app that has done nothing wrong, so the text speaks of nobody. A status of 0 is that of the number.
func (a *Authority) Fail(w http.ResponseWriter, status, number int) {
	noStore(w)
	if status == http.StatusNotFound && number == 0 { // an endpoint that is not there is nothing transient
		wire.WriteJSON(w, status, a.unnumbered(w, status, "There is no such endpoint here."))
		return
	}
	if !slices.ContainsFunc(errorTable, func(row aadsts) bool { return row.number == number }) {
		switch status {
		case http.StatusTooManyRequests:
			number = 90055
		case http.StatusUnauthorized:
			number = 7000215
		case http.StatusBadRequest:
			number = 90014
		default:
			number = 90033
		}
	}
	e := refuse(number)
	e.message = strings.ReplaceAll(e.text, "%s", "unknown")
	if number == 700027 {
		e.message = fmt.Sprintf(e.text, reasonExpired, "The key used is expired", "unknown", "unknown")
	}
	if status != 0 {
		e.status = status
	}
	wire.WriteJSON(w, e.status, a.describe(w, e))
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
	id, _ := clientOf(r, form)
	return id
}
