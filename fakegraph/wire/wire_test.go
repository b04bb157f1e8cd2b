package wire

import (
	"strings"
	"testing"
)

func TestCanonicalPath(t *testing.T) {
	for path, want := range map[string]string{
		"//v1.0/deviceManagement//managedDevices/": "/v1.0/devicemanagement/manageddevices",
		"":                        "/",
		"/":                       "/",
		"/Beta/X":                 "/beta/x",
		strings.Repeat("/", 9999): "/",
	} {
		if got := CanonicalPath(path); got != want {
			t.Errorf("CanonicalPath(%.40q) = %q, want %q", path, got, want)
		}
	}
}
