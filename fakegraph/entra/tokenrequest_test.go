package entra

import (
	"strings"
	"testing"
)

// A password that is not encoded as it should be is not in the error.
func TestBadFormIsNotShown(t *testing.T) {
	for _, contentType := range []string{"", "application/x-www-form-urlencoded"} {
		if _, err := parseTokenBody(contentType, []byte("grant_type=password&password=pa%ssword")); err == nil || strings.Contains(err.Error(), "%ss") {
			t.Errorf("error %v", err)
		}
	}
}

func FuzzTokenBody(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", []byte("grant_type=client_credentials&client_id=a&client_secret=s%3cr%2bt&scope=x%2f.default"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--b--\r\n"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\n\r\n"))
	f.Add("text/plain", []byte("x"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		values, err := parseTokenBody(contentType, body)
		if err != nil && values != nil && len(values) > 0 && contentType == "multipart/form-data" {
			t.Errorf("values %v and error %v", values, err)
		}
		size := 0
		for name, list := range values {
			size += len(name)
			for _, v := range list {
				size += len(v)
			}
		}
		if size > 3*maxTokenBody {
			t.Errorf("%d octets out of %d", size, len(body))
		}
	})
}
