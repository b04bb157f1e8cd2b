package graph

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/wire"
	"nacsim/internal/guid"
)

// maxPageSize is Intune's default and largest page (facts 2.1).
const maxPageSize = 1000

// A listQuery is what a client asked of a list.
type listQuery struct {
	selected []int // indexes in properties
	filter   *predicate
	page     int
	from     skipToken
	started  bool // from is the place to go on from
	skipped  bool // $skip was used
}

// A queryError is a reply to a query option that cannot be obeyed.
type queryError struct {
	status  int
	code    string
	message string
	backend bool
}

func (e *queryError) Error() string { return e.message }

func badRequest(message string) *queryError {
	return &queryError{status: http.StatusBadRequest, code: "BadRequest", message: message}
}

// listManagedDevices answers GET /deviceManagement/managedDevices (facts 2.1).
func (a *API) listManagedDevices(w http.ResponseWriter, r *http.Request) {
	options, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		a.graphError(w, http.StatusBadRequest, "BadRequest", "The query cannot be parsed: "+err.Error())
		return
	}
	q, err := a.listQuery(options)
	if err != nil {
		a.queryError(w, r, err)
		return
	}
	body := append(make([]byte, 0, 4096), `{"@odata.context":`...)
	body = appendJSONString(body, a.context(r, q.selected))
	v := newView(q.selected, true, a.cfg.EthernetInList)
	rows, count, next := a.page(q, &v)
	body = append(body, `,"@odata.count":`...)
	body = strconv.AppendInt(body, int64(count), 10)
	if next != nil {
		body = append(body, `,"@odata.nextLink":`...)
		body = appendJSONString(body, a.nextLink(r, options, *next))
	}
	body = append(body, `,"value":[`...)
	body = append(body, rows...)
	body = append(body, "]}"...)
	wire.WriteBody(w, http.StatusOK, odataJSON, body)
}

// odataJSON is the content type of successful replies.
const odataJSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// listQuery reads the query options. $orderby, $search and $count have no effect (facts 2.1).
func (a *API) listQuery(options url.Values) (listQuery, error) {
	q := listQuery{page: a.cfg.PageSize}
	var err error
	if q.selected, err = selectedProperties(option(options, "$select")); err != nil {
		return q, err
	}
	if top := option(options, "$top"); top != "" {
		n, err := strconv.Atoi(top)
		if err != nil || n < 1 {
			return q, badRequest(fmt.Sprintf("Invalid value '%s' for $top query option found. The $top query option requires a positive integer value.", top))
		}
		q.page = min(n, q.page)
	}
	if skip := option(options, "$skip"); skip != "" && skip != "0" {
		if n, err := strconv.Atoi(skip); err != nil || n < 0 {
			return q, badRequest(fmt.Sprintf("Invalid value '%s' for $skip query option found.", skip))
		}
		q.skipped = true
	}
	if token := option(options, "$skiptoken"); token != "" {
		if q.from, err = parseSkipToken(token); err != nil {
			return q, badRequest(err.Error())
		}
		q.started = true
	}
	if filter := option(options, "$filter"); filter != "" {
		q.filter, err = a.filter(filter, option(options, "$count"))
	}
	return q, err
}

// filter compiles a $filter. One that Intune does not support yields nil, which matches everything, or an error
// in the strict mode.
func (a *API) filter(text, count string) (*predicate, error) {
	e, err := parseFilter(text)
	if err != nil {
		return nil, badRequest("Invalid filter clause: " + err.Error())
	}
	p, err := compileFilter(e)
	if err == nil && strings.EqualFold(count, "true") && mentions(e, "azureADDeviceId") {
		err = fmt.Errorf("%w: azureADDeviceId together with $count", errFilterUnsupported)
	}
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, errFilterIn):
		return nil, &queryError{http.StatusInternalServerError, "InternalServerError", "An internal server error has occurred", true}
	case errors.Is(err, errFilterUnsupported) && a.cfg.UnsupportedFilter == FilterIgnored:
		return nil, nil
	}
	return nil, badRequest("Invalid filter clause: " + err.Error())
}

func mentions(e *filterExpr, property string) bool {
	for _, a := range e.args {
		if mentions(a, property) {
			return true
		}
	}
	return strings.EqualFold(e.property, property)
}

// option returns the value of a query option; its name is not case-sensitive, and the $ may be missing
// (OData 4.01 part 2, section 5.1).
func option(options url.Values, name string) string {
	if v, ok := options[name]; ok {
		return v[0]
	}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if sameOption(key, name) {
			return options[key][0]
		}
	}
	return ""
}

func sameOption(key, name string) bool {
	return strings.EqualFold(key, name) || strings.EqualFold("$"+key, name)
}

func selectedProperties(list string) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	seen := map[int]bool{}
	var selected []int
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		index, ok := propertyIndex[strings.ToLower(name)]
		if !ok {
			return nil, badRequest(fmt.Sprintf("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.managedDevice'.", name))
		}
		if !seen[index] {
			seen[index] = true
			selected = append(selected, index)
		}
	}
	return selected, nil
}

// page renders the devices of one page, and where the next one begins if there are more.
func (a *API) page(q listQuery, v *view) (rows []byte, count int, next *skipToken) {
	if q.skipped && !q.started {
		// $skip yields an empty page with a link to the beginning (facts 2.1).
		return nil, 0, &skipToken{}
	}
	named := ""
	if q.filter != nil && q.filter.byName {
		named = q.filter.name
	}
	var last skipToken
	a.intune.List(intune.ViewList, intune.Place{Name: q.from.name, ID: q.from.id}, named, func(d *intune.Device) bool {
		if q.filter != nil && !q.filter.match(d) {
			return true
		}
		if count == q.page {
			next = &last
			return false
		}
		if count > 0 {
			rows = append(rows, ',')
		}
		rows = append(rows, '{')
		rows = v.append(rows, d)
		rows = append(rows, '}')
		last = skipToken{d.Name, d.ID}
		count++
		return true
	})
	return rows, count, next
}

// nextLink is the address of the next page: the same query with a skip token, whose characters are escaped in lower
// case (facts 2.1).
func (a *API) nextLink(r *http.Request, options url.Values, next skipToken) string {
	maps.DeleteFunc(options, func(key string, _ []string) bool {
		return sameOption(key, "$skiptoken") || sameOption(key, "$skip")
	})
	query := strings.ReplaceAll(options.Encode(), "%24", "$")
	if query != "" {
		query += "&"
	}
	path := url.URL{Path: r.RequestURI}
	return wire.Origin(r) + path.EscapedPath() + "?" + query + "$skiptoken=" + lowerEscape(next.String())
}

// lowerEscape is url.QueryEscape with lower-case digits and %20 for a space.
func lowerEscape(text string) string {
	escaped := []byte(strings.ReplaceAll(url.QueryEscape(text), "+", "%20"))
	for i := 0; i+2 < len(escaped); i++ {
		if escaped[i] == '%' {
			escaped[i+1], escaped[i+2] = lowerDigit(escaped[i+1]), lowerDigit(escaped[i+2])
		}
	}
	return string(escaped)
}

func lowerDigit(c byte) byte {
	if c >= 'A' && c <= 'F' {
		return c + 'a' - 'A'
	}
	return c
}

// context is the @odata.context of a list.
func (a *API) context(r *http.Request, selected []int) string {
	c := wire.Origin(r) + "/" + mux.Vars(r)["version"] + "/$metadata#deviceManagement/managedDevices"
	if len(selected) == 0 {
		return c
	}
	names := make([]string, len(selected))
	for i, index := range selected {
		names[i] = properties[index].name
	}
	return c + "(" + strings.Join(names, ",") + ")"
}

// getManagedDevice answers GET /deviceManagement/managedDevices/{id} (facts 2.2).
func (a *API) getManagedDevice(w http.ResponseWriter, r *http.Request) {
	options, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		a.graphError(w, http.StatusBadRequest, "BadRequest", "The query cannot be parsed: "+err.Error())
		return
	}
	selected, err := selectedProperties(option(options, "$select"))
	if err != nil {
		a.queryError(w, r, err)
		return
	}
	id := mux.Vars(r)["id"]
	if !guid.Valid(id) {
		a.backendError(w, r, http.StatusBadRequest, "BadRequest", "The device id '"+id+"' is not a GUID")
		return
	}
	v := newView(selected, false, EthernetAlways)
	body := append(make([]byte, 0, 4096), `{"@odata.context":`...)
	body = appendJSONString(body, a.context(r, selected)+"/$entity")
	body = append(body, ',')
	found := a.intune.ByID(intune.ViewGet, id, func(d *intune.Device) { body = v.append(body, d) })
	if !found {
		a.backendError(w, r, http.StatusNotFound, "ResourceNotFound", "An error has occurred")
		return
	}
	wire.WriteBody(w, http.StatusOK, odataJSON, append(body, '}'))
}

// queryError answers with what listQuery and its parts found wrong.
func (a *API) queryError(w http.ResponseWriter, r *http.Request, err error) {
	var q *queryError
	switch {
	case !errors.As(err, &q):
		a.graphError(w, http.StatusBadRequest, "BadRequest", err.Error())
	case q.backend:
		a.backendError(w, r, q.status, q.code, q.message)
	default:
		a.graphError(w, q.status, q.code, q.message)
	}
}
