package graph

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/intune"
	"nacsim/internal/guid"
)

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
	a.write(w, r, http.StatusOK, append(body, '}'))
	return nil
}

// deviceID is the Intune device ID in the path.
func deviceID(r *request) (string, error) {
	if id := r.key(); guid.Valid(id) {
		return id, nil
	}
	return "", &failure{http.StatusBadRequest, "BadRequest", "The device id '" + r.key() + "' is not a GUID", true}
}

// device finds the device in the path, as a single GET shows it.
func (a *API) device(r *request) (*device, error) {
	id, err := deviceID(r)
	if err != nil {
		return nil, err
	}
	var found *device
	if !a.intune.ByID(intune.ViewGet, id, func(d *device) { found = d }) {
		return nil, noDevice()
	}
	return found, nil
}

// listUsersOfDevice answers GET /deviceManagement/managedDevices/{id}/users.
func (a *API) listUsersOfDevice(w http.ResponseWriter, r *request) error {
	d, err := a.device(r)
	if err != nil {
		return err
	}
	var list []*directory.User
	if u, ok := a.directory.User(d.UserPrincipalName); ok {
		list = append(list, &u)
	}
	return writeDirectoryList(a, w, r, users, "users", list, false)
}

// patchManagedDevice answers PATCH /deviceManagement/managedDevices/{id}: only three properties can be written (facts 1.1).
func (a *API) patchManagedDevice(w http.ResponseWriter, r *request) error {
	var properties map[string]json.RawMessage
	if err := readJSON(r, &properties); err != nil {
		return err
	}
	change, err := recordChange(properties)
	if err != nil {
		return err
	}
	id, err := deviceID(r)
	if err != nil {
		return err
	}
	if err := a.intune.SetRecordByID(id, change); err != nil {
		return changeFailed(err)
	}
	r.options = nil // the reply has all properties
	return a.getManagedDevice(w, r)
}

// recordChange reads the body of a PATCH.
func recordChange(properties map[string]json.RawMessage) (intune.RecordChange, error) {
	var c intune.RecordChange
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if strings.HasPrefix(name, "@odata.") {
			continue
		}
		p := managedDevices.property(name)
		if p == nil {
			return c, badRequest("The property '" + name + "' does not exist on type 'microsoft.graph.managedDevice'.")
		}
		var text string
		if err := json.Unmarshal(properties[name], &text); err != nil {
			return c, badRequest("Cannot convert the value of '" + p.name + "' to the expected type 'Edm.String'.")
		}
		switch p.name {
		case "notes":
			c.Notes = &text
		case "managedDeviceName":
			c.ManagedName = &text
		case "managedDeviceOwnerType":
			personal := text == intune.OwnerPersonal
			if !personal && text != intune.OwnerCompany {
				return c, badRequest("Cannot convert the value '" + text + "' to 'microsoft.graph.managedDeviceOwnerType'.")
			}
			c.Personal = &personal
		default:
			return c, &failure{http.StatusBadRequest, "BadRequest", "The property '" + p.name + "' is read-only", true}
		}
	}
	return c, nil
}

// changeFailed answers for what Intune would not do to a device.
func changeFailed(err error) error {
	if errors.Is(err, intune.ErrNoDevice) {
		return noDevice()
	}
	return &failure{http.StatusBadRequest, "BadRequest", err.Error(), true}
}

// deleteManagedDevice answers DELETE /deviceManagement/managedDevices/{id}.
func (a *API) deleteManagedDevice(w http.ResponseWriter, r *request) error {
	return a.do(w, r, (*intune.Service).DeleteByID)
}

// do does something to the device in the path.
func (a *API) do(w http.ResponseWriter, r *request, f func(*intune.Service, string) error) error {
	id, err := deviceID(r)
	if err != nil {
		return err
	}
	if err := f(a.intune, id); err != nil {
		return changeFailed(err)
	}
	noContent(w)
	return nil
}
