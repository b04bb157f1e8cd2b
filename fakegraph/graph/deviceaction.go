package graph

import (
	"encoding/json"
	"net/http"

	"nacsim/fakegraph/intune"
)

// deviceActionRoutes are those of the remote actions that v1.0 has (facts 1.1).
var deviceActionRoutes = func() []route {
	var list []route
	add := func(name string, f func(*intune.Service, string) error) {
		list = append(list, route{http.MethodPost, "deviceManagement/managedDevices/{id}/" + name, commandDevices, ofIntune, false, action(f)})
	}
	add("syncDevice", (*intune.Service).SyncByID)
	add("retire", (*intune.Service).RetireByID)
	add("wipe", (*intune.Service).WipeByID)
	for _, name := range []string{
		"bypassActivationLock", "cleanWindowsDevice", "deleteUserFromSharedAppleDevice", "disableLostMode", "locateDevice",
		"logoutSharedAppleDeviceActiveUser", "rebootNow", "recoverPasscode", "remoteLock", "requestRemoteAssistance", "resetPasscode",
		"shutDown", "updateWindowsDeviceAccount", "windowsDefenderScan", "windowsDefenderUpdateSignatures",
	} {
		add(name, func(s *intune.Service, id string) error { return s.OrderByID(id, name) })
	}
	return list
}()

// action answers POST /deviceManagement/managedDevices/{id}/{action}. What is in the body changes nothing here.
func action(f func(*intune.Service, string) error) handler {
	return func(a *API, w http.ResponseWriter, r *request) error {
		body, err := requestBody(r.Request)
		if err != nil {
			return err
		}
		if len(body) > 0 && !json.Valid(body) {
			return badRequest("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
		}
		return a.do(w, r, f)
	}
}
