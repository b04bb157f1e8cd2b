package control

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/wire"
)

// A route is one method on one path.
type route struct {
	method, path string // segments in braces stand for any
	doc          string
	// query names the parameters, with what they are.
	query map[string]string
	// body is an example of one.
	body string
	// do answers with what is written as JSON; nil is "no content".
	do func(*call) (any, error)
	// serve answers by itself, instead of do.
	serve func(http.ResponseWriter, *call) error
}

// A call is a request for a route.
type call struct {
	*http.Request
	values map[string]string // of the segments in braces
}

func (c *call) value(name string) string { return c.values[name] }

// segments are the parts of a path, decoded one by one, so that a name may contain a slash.
func segments(escaped string) ([]string, error) {
	var list []string
	for part := range strings.SplitSeq(escaped, "/") {
		if part == "" {
			continue
		}
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, err
		}
		list = append(list, plain)
	}
	return list, nil
}

// match compares the segments of a path with a pattern.
func match(pattern string, path []string) (map[string]string, bool) {
	parts := strings.Split(strings.Trim(pattern, "/"), "/")
	if len(parts) != len(path) {
		return nil, false
	}
	values := map[string]string{}
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, "{"); ok {
			values[strings.TrimSuffix(name, "}")] = path[i]
		} else if !strings.EqualFold(p, path[i]) {
			return nil, false
		}
	}
	return values, true
}

// dispatch finds the route of a request and answers.
func (a *API) dispatch(w http.ResponseWriter, r *http.Request) {
	path, err := segments(r.URL.EscapedPath())
	if err != nil {
		writeError(w, badRequest("the path cannot be read: %v", err))
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var others []string
	for i := range a.routes {
		rt := &a.routes[i]
		values, ok := match(rt.path, path)
		if !ok {
			continue
		}
		if rt.method != method {
			others = append(others, rt.method)
			continue
		}
		rt.answer(w, &call{r, values})
		return
	}
	if len(others) > 0 {
		w.Header().Set("Allow", strings.Join(others, ", "))
		writeError(w, &failure{http.StatusMethodNotAllowed, "there is no " + r.Method + " here, but " + strings.Join(others, ", ")})
		return
	}
	writeError(w, notFound("there is no such path; %s; GET /control lists everything", a.near(path)))
}

// answer runs a route.
func (rt *route) answer(w http.ResponseWriter, c *call) {
	if err := rt.checkQuery(c); err != nil {
		writeError(w, err)
		return
	}
	if rt.serve != nil {
		if err := rt.serve(w, c); err != nil {
			writeError(w, err)
		}
		return
	}
	reply, err := rt.do(c)
	switch {
	case err != nil:
		writeError(w, err)
	case reply == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		wire.WriteJSON(w, http.StatusOK, reply)
	}
}

// checkQuery refuses parameters that the route does not have, which would else be silently without effect.
func (rt *route) checkQuery(c *call) error {
	for name := range c.URL.Query() { // order-free: any of several is told
		if _, known := rt.query[name]; !known {
			if len(rt.query) == 0 {
				return badRequest("unknown parameter %q; there are none here", name)
			}
			return badRequest("unknown parameter %q; expected one of %s", name, strings.Join(names(rt.query), ", "))
		}
	}
	return nil
}

func names(query map[string]string) []string {
	var list []string
	for name := range query { // order-free: sorted below
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// near names the routes below the part of a path that is known.
func (a *API) near(path []string) string {
	for known := len(path); known > 0; known-- {
		var found []string
		for i := range a.routes {
			parts := strings.Split(strings.Trim(a.routes[i].path, "/"), "/")
			if len(parts) < known {
				continue
			}
			if _, ok := match(strings.Join(parts[:known], "/"), path[:known]); ok && !slices.Contains(found, a.routes[i].path) {
				found = append(found, a.routes[i].path)
			}
		}
		if len(found) > 0 {
			return "near are " + strings.Join(found, ", ")
		}
	}
	return "nothing is near"
}

// writeError answers with an error, in words.
func writeError(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var f *failure
	switch {
	case errors.As(err, &f):
		status = f.status
	case errors.Is(err, intune.ErrNoDevice), errors.Is(err, directory.ErrNoApp), errors.Is(err, directory.ErrNoUser), errors.Is(err, directory.ErrNoGroup):
		status = http.StatusNotFound
	case errors.Is(err, intune.ErrOff):
		status = http.StatusConflict
	}
	wire.WriteJSON(w, status, struct {
		Error string `json:"error"`
	}{err.Error()})
}
