package graph_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"nacsim/fakegraph/fakegraphtest"
)

func TestUnknownRoutes(t *testing.T) {
	s, h := fakegraphtest.New(t, fakegraphtest.Config())
	cases := []struct {
		method, address string
		status          int
		code, message   string
	}{
		{"GET", "https://graph.microsoft.com/v2.0/deviceManagement", 404, "ResourceNotFound", "Invalid version: v2.0"},
		{"GET", "https://graph.microsoft.com/v1.0/deviceManagement/managedDevice", 400, "BadRequest", "Resource not found for the segment 'managedDevice'. Did you mean managedDevices? Known here: managedDevices"},
		{"GET", "https://graph.microsoft.com/v1.0/Usern", 400, "BadRequest", "Resource not found for the segment 'Usern'. Did you mean users? Known here: "},
		{"GET", "https://graph.microsoft.com/v1.0/deviceManagement", 400, "BadRequest", "Resource not found for the segment 'deviceManagement'. Known here: managedDevices"},
		{"GET", fakegraphtest.ListURL + "/" + fakegraphtest.NumberedID(1) + "/syncDevise", 400, "BadRequest", "Resource not found for the segment 'syncDevise'. Did you mean syncDevice? Known here: "},
		{"DELETE", fakegraphtest.ListURL, 405, "Request_BadRequest", "Method DELETE is not supported here. Supported: GET, HEAD"},
		{"PUT", fakegraphtest.ListURL + "('" + fakegraphtest.NumberedID(1) + "')", 405, "Request_BadRequest", "Method PUT is not supported here. Supported: DELETE, GET, HEAD, PATCH."},
	}
	for _, c := range cases {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(c.method, c.address, nil))
		var e fakegraphtest.GraphError
		fakegraphtest.Decode(t, w, c.status, &e)
		if e.Error.Code != c.code || !strings.HasPrefix(e.Error.Message, c.message) {
			t.Errorf("%s %s: %s %q, want %s %q", c.method, c.address, e.Error.Code, e.Error.Message, c.code, c.message)
		}
	}
	if h.Traced("drop", "reason=no such route", "path=/v1.0/Usern") == 0 {
		t.Errorf("no trace of an unknown route in %q", h.Lines)
	}
	if w := fakegraphtest.Get(s, "https://login.microsoftonline.com/x", nil); w.Code != 404 {
		t.Errorf("unknown path of the authority: %d, want 404", w.Code)
	}
}
