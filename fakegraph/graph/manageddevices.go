package graph

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

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

var managedDeviceRoutes = []route{
	{http.MethodGet, "deviceManagement/managedDevices", readDevices, ofIntune, false, (*API).listManagedDevices},
	{http.MethodGet, "deviceManagement/managedDevices/{id}", readDevices, ofIntune, false, (*API).getManagedDevice},
}

// listManagedDevices answers GET /deviceManagement/managedDevices (facts 2.1).
func (a *API) listManagedDevices(w http.ResponseWriter, r *request) error {
	q, err := a.listQuery(r)
	if err != nil {
		return err
	}
	body := append(make([]byte, 0, 4096), `{"@odata.context":`...)
	body = appendJSONString(body, r.context("deviceManagement/managedDevices"+managedDevices.names(q.selected)))
	rows, count, next := a.page(q, a.deviceLayout(q.selected, true))
	body = append(body, `,"@odata.count":`...)
	body = strconv.AppendInt(body, int64(count), 10)
	if next != nil {
		body = append(body, `,"@odata.nextLink":`...)
		body = appendJSONString(body, r.nextLink(next.String()))
	}
	body = append(body, `,"value":[`...)
	body = append(body, rows...)
	body = append(body, "]}"...)
	r.note.Rows = count
	wire.WriteBody(w, http.StatusOK, odataJSON, body)
	return nil
}

// deviceLayout is the layout of a managed device in a list or alone.
func (a *API) deviceLayout(selected []int, list bool) layout[device] {
	noEthernet := list && a.cfg.EthernetInList != EthernetAlways && !(a.cfg.EthernetInList == EthernetSelected && len(selected) > 0)
	return managedDevices.layout(selected, list, func(p *property[device]) bool { return noEthernet && p.name == ethernetProperty })
}

// odataJSON is the content type of successful replies.
const odataJSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

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

// page renders the devices of one page, and where the next one begins if there are more.
func (a *API) page(q listQuery, l layout[device]) (rows []byte, count int, next *skipToken) {
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
		rows = l.append(rows, d)
		rows = append(rows, '}')
		last = skipToken{d.Name, d.ID}
		count++
		return true
	})
	return rows, count, next
}

// getManagedDevice answers GET /deviceManagement/managedDevices/{id} (facts 2.2).
func (a *API) getManagedDevice(w http.ResponseWriter, r *request) error {
	selected, err := managedDevices.selected(r.option("$select"))
	if err != nil {
		return err
	}
	id, err := deviceID(r)
	if err != nil {
		return err
	}
	l := a.deviceLayout(selected, false)
	body := append(make([]byte, 0, 4096), `{"@odata.context":`...)
	body = appendJSONString(body, r.context("deviceManagement/managedDevices"+managedDevices.names(selected)+"/$entity"))
	body = append(body, ',')
	if !a.intune.ByID(intune.ViewGet, id, func(d *intune.Device) { body = l.append(body, d) }) {
		return noDevice()
	}
	r.note.Rows = 1
	wire.WriteBody(w, http.StatusOK, odataJSON, append(body, '}'))
	return nil
}

// deviceID is the Intune device ID in the path.
func deviceID(r *request) (string, error) {
	if id := r.key(); guid.Valid(id) {
		return id, nil
	}
	return "", &failure{http.StatusBadRequest, "BadRequest", "The device id '" + r.key() + "' is not a GUID", true}
}
