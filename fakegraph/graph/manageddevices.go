package graph

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"nacsim/fakegraph/intune"
	"nacsim/internal/guid"
)

// maxPageSize is Intune's default and largest page (facts 2.1).
const maxPageSize = 1000

// A listQuery is what a client asked of a list.
type listQuery struct {
	selected []int // indexes in properties
	filter   *predicate
	filtered bool // there is a $filter, which need not be supported
	page     int
	from     skipToken
	started  bool // from is the place to go on from
	skipped  bool // $skip was used
}

// managedDeviceRoutes are those of managed devices.
var managedDeviceRoutes = []route{
	{http.MethodGet, "deviceManagement/managedDevices", readDevices, ofIntune, false, (*API).listManagedDevices},
	{http.MethodGet, "deviceManagement/managedDevices/{id}", readDevices, ofIntune, false, (*API).getManagedDevice},
	{http.MethodPatch, "deviceManagement/managedDevices/{id}", writeDevices, ofIntune, false, (*API).patchManagedDevice},
	{http.MethodDelete, "deviceManagement/managedDevices/{id}", writeDevices, ofIntune, false, (*API).deleteManagedDevice},
	{http.MethodGet, "deviceManagement/managedDevices/{id}/users", readDevices, ofIntune, false, (*API).listUsersOfDevice},
}

// listManagedDevices answers GET /deviceManagement/managedDevices (facts 2.1).
func (a *API) listManagedDevices(w http.ResponseWriter, r *request) error {
	q, err := a.listQuery(r)
	if err != nil {
		return err
	}
	a.writeDevices(w, r, "deviceManagement/managedDevices", q, a.page(q, a.allDevices(intune.ViewList)))
	return nil
}

// writeDevices answers with a page of devices.
func (a *API) writeDevices(w http.ResponseWriter, r *request, fragment string, q listQuery, p devicePage) {
	// Devices never change, so that no lock is held here.
	buffer := buffers.Get().(*[]byte)
	body := append((*buffer)[:0], `{"@odata.context":`...)
	body = appendJSONString(body, r.context(fragment+managedDevices.names(q.selected)))
	body = append(body, `,"@odata.count":`...)
	count := len(p.devices)
	if a.cfg.TotalCount {
		count = p.total
	}
	body = strconv.AppendInt(body, int64(count), 10)
	if p.more {
		body = append(body, `,"@odata.nextLink":`...)
		body = appendJSONString(body, r.nextLink(p.next.String()))
	}
	body = append(body, `,"value":[`...)
	l := a.deviceLayout(q.selected, true)
	for i, d := range p.devices {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, '{')
		body = l.append(body, d)
		body = append(body, '}')
	}
	r.note.Rows = len(p.devices)
	*buffer = append(body, "]}"...)
	a.write(w, r, http.StatusOK, *buffer)
	buffers.Put(buffer)
}

// deviceLayout is the layout of a managed device in a list or alone.
func (a *API) deviceLayout(selected []int, list bool) layout[device] {
	noEthernet := list && a.cfg.EthernetInList != EthernetAlways && !(a.cfg.EthernetInList == EthernetSelected && len(selected) > 0)
	return managedDevices.layout(selected, list, func(p property[device]) property[device] {
		switch {
		case p.name == ethernetProperty && noEthernet:
			p.json, p.literal = nil, "null"
		case p.name == actionsProperty && list: // facts 1.3, the captured list
			p.json, p.literal = nil, "[]"
		case p.name == "userId":
			p.json = func(b []byte, d *device) []byte { return appendJSONString(b, a.userID(d.UserPrincipalName)) }
		case p.name == "userDisplayName":
			p.json = func(b []byte, d *device) []byte { return appendJSONString(b, a.userDisplayName(d)) }
		}
		return p
	})
}

// userDisplayName is the name of the user of a device in the directory, or else what stands before the @ of the user principal name.
func (a *API) userDisplayName(d *device) string {
	if u, ok := a.directory.User(d.UserPrincipalName); ok {
		return u.DisplayName
	}
	return userDisplayName(d)
}

// userID is the object id of the user of a device, which need not be in the directory any more.
func (a *API) userID(upn string) string {
	if upn == "" {
		return ""
	}
	if u, ok := a.directory.User(upn); ok {
		return u.ObjectID
	}
	return guid.Derived("user/" + a.directory.Tenant() + "/" + strings.ToLower(upn))
}

// listQuery reads the query options. $orderby, $search and $count have no effect (facts 2.1).
func (a *API) listQuery(r *request) (listQuery, error) {
	q := listQuery{page: a.cfg.PageSize}
	var err error
	if q.selected, err = managedDevices.selected(r.option("$select")); err != nil {
		return q, err
	}
	if top := r.option("$top"); top != "" {
		n, err := strconv.Atoi(top)
		if err != nil || n < 1 {
			return q, badRequest(fmt.Sprintf("Invalid value '%s' for $top query option found. The $top query option requires a positive integer value.", top))
		}
		q.page = min(n, q.page)
	}
	if skip := r.option("$skip"); skip != "" && skip != "0" {
		if n, err := strconv.Atoi(skip); err != nil || n < 0 {
			return q, badRequest(fmt.Sprintf("Invalid value '%s' for $skip query option found.", skip))
		}
		q.skipped = true
	}
	if token := r.option("$skiptoken"); token != "" {
		if q.from, err = parseSkipToken(token); err != nil {
			return q, badRequest(err.Error())
		}
		q.started = true
	}
	if filter := r.option("$filter"); filter != "" {
		q.filtered = true
		q.filter, err = a.filter(filter, r.option("$count"))
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
		return nil, &failure{http.StatusInternalServerError, "InternalServerError", "An internal server error has occurred", true}
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
