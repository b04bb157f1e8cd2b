package graph

import (
	"strings"
	"testing"
)

func TestSkipToken(t *testing.T) {
	for _, token := range []skipToken{{"A", "00000000-0000-4000-8000-000000000001"}, {"", ""}, {"a'b''c", "x',LastDeviceId='y"}} {
		if got, err := parseSkipToken(token.String()); err != nil || got != token {
			t.Errorf("%q: %q, %v", token, got, err)
		}
	}
	for _, text := range []string{"", "x", "LastDeviceName=", "LastDeviceName='a", "LastDeviceName='a'", "LastDeviceName='a',LastDeviceId='b'x", "LastDeviceName='" + strings.Repeat("a", maxSkipToken)} {
		if got, err := parseSkipToken(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func FuzzSkipToken(f *testing.F) {
	f.Add("LastDeviceName='PSD200115-HS-22',LastDeviceId='5515d4ef-0000-4000-8000-000000000000'")
	f.Add("LastDeviceName='a''b',LastDeviceId=''")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := parseSkipToken(text)
		if err == nil && token.String() != text {
			t.Errorf("%q became %q", text, token)
		}
	})
}
