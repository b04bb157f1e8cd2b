package graph

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Pages of directory objects.
const (
	directoryPage    = 100
	maxDirectoryPage = 999
)

// A directoryQuery is what a client asked of a list of directory objects.
type directoryQuery struct {
	selected []int
	page     int
	advanced bool   // ConsistencyLevel: eventual and $count=true
	count    bool   // @odata.count is wanted
	after    string // object id of the last one on the page before
}

// readDirectoryQuery reads the query options but for $filter and $orderby. Unlike Intune the directory refuses what it does not
// support.
func readDirectoryQuery[T any](r *request, s *schema[T]) (directoryQuery, error) {
	q := directoryQuery{page: directoryPage}
	var err error
	if q.selected, err = s.selected(r.option("$select")); err != nil {
		return q, err
	}
	if top := r.option("$top"); top != "" {
		n, err := strconv.Atoi(top)
		if err != nil || n < 1 || n > maxDirectoryPage {
			return q, unsupportedQuery(refusef("Invalid page size specified: '%.20s'. Must be between 1 and 999 inclusive.", top))
		}
		q.page = n
	}
	if skip := r.option("$skip"); skip != "" {
		return q, unsupportedQuery(refusal("'$skip' is not supported by the service."))
	}
	eventual := strings.EqualFold(r.Header.Get("ConsistencyLevel"), "eventual")
	q.count = eventual && strings.EqualFold(r.option("$count"), "true")
	q.advanced = q.count
	if search := r.option("$search"); search != "" {
		return q, unsupportedQuery(refusal("$search is not supported here: use $filter with startswith."))
	}
	if token := r.option("$skiptoken"); token != "" {
		id, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(id) == 0 {
			return q, errPageToken
		}
		q.after = string(id)
	}
	return q, nil
}

var errPageToken = &failure{status: http.StatusBadRequest, code: "Directory_ExpiredPageToken",
	message: "The specified page token value has expired and can no longer be included in your request."}

// writeDirectoryList answers with one page of directory objects. With typed each says its type, as in a collection of several.
func writeDirectoryList[T any](a *API, w http.ResponseWriter, r *request, s *schema[T], fragment string, all []*T, typed bool) error {
	q, err := readDirectoryQuery(r, s)
	if err != nil {
		return err
	}
	if all, err = filterAndOrder(r, s, q, all); err != nil {
		return err
	}
	total := len(all)
	if q.after != "" {
		last := slices.IndexFunc(all, func(v *T) bool { return s.id(v) == q.after })
		if last < 0 {
			return errPageToken
		}
		all = all[last+1:]
	}
	shown := all[:min(len(all), q.page)]
	body := appendJSONString([]byte(`{"@odata.context":`), r.context(fragment+s.names(q.selected)))
	if q.count {
		body = strconv.AppendInt(append(body, `,"@odata.count":`...), int64(total), 10)
	}
	if len(shown) < len(all) {
		token := base64.RawURLEncoding.EncodeToString([]byte(s.id(shown[len(shown)-1])))
		body = appendJSONString(append(body, `,"@odata.nextLink":`...), r.nextLink(token))
	}
	body = append(body, `,"value":[`...)
	l := s.layout(q.selected, true, nil)
	for i, v := range shown {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, '{')
		if typed {
			body = append(body, `"@odata.type":"#microsoft.graph.`+s.name+`",`...)
		}
		body = append(l.append(body, v), '}')
	}
	r.note.Rows = len(shown)
	a.write(w, r, http.StatusOK, append(body, "]}"...))
	return nil
}

// filterAndOrder applies $filter and $orderby.
func filterAndOrder[T any](r *request, s *schema[T], q directoryQuery, all []*T) ([]*T, error) {
	if text := r.option("$filter"); text != "" {
		e, err := parseFilter(text)
		if err != nil {
			return nil, unsupportedQuery(fmt.Errorf("Invalid filter clause: %w", err))
		}
		test, err := compileDirectoryFilter(s, e, q.advanced)
		if err != nil {
			return nil, err
		}
		matching := make([]*T, 0, len(all))
		for _, v := range all {
			if test(v) {
				matching = append(matching, v)
			}
		}
		all = matching
	}
	order := strings.Fields(r.option("$orderby"))
	if len(order) == 0 {
		return all, nil
	}
	p := s.property(order[0])
	descending := len(order) == 2 && strings.EqualFold(order[1], "desc")
	if p == nil || p.text == nil || len(order) > 2 || len(order) == 2 && !descending && !strings.EqualFold(order[1], "asc") {
		return nil, unsupportedQuery(refusef("Unsupported sort property '%.64s' for '%s'.", strings.Join(order, " "), s.name))
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(x, y *T) int {
		c := strings.Compare(strings.ToLower(p.text(x)), strings.ToLower(p.text(y)))
		if descending {
			return -c
		}
		return c
	})
	return all, nil
}

// writeDirectoryObject answers with one directory object.
func writeDirectoryObject[T any](a *API, w http.ResponseWriter, r *request, s *schema[T], fragment string, v *T) error {
	selected, err := s.selected(r.option("$select"))
	if err != nil {
		return err
	}
	body := appendJSONString([]byte(`{"@odata.context":`), r.context(fragment+s.names(selected)+"/$entity"))
	body = s.layout(selected, false, nil).append(append(body, ','), v)
	r.note.Rows = 1
	a.write(w, r, http.StatusOK, append(body, '}'))
	return nil
}

// pointers are those to the elements of a list.
func pointers[T any](list []T) []*T {
	all := make([]*T, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}
