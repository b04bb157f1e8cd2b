package requestlog

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRedact holds that no secret is readable that stands in a query, however its name is written.
func FuzzRedact(f *testing.F) {
	f.Add("/t/oauth2/token?client_id=x&client_secret=s&CODE=c")
	f.Add("/x?a=b?password=p&%70assword=p&password")
	f.Add("/x?refresh_token=%zz&=&&code=1=2")
	f.Fuzz(func(t *testing.T, path string) {
		shown := redact(path)
		_, query, _ := strings.Cut(shown, "?")
		values, _ := url.ParseQuery(query) // what can be read of it
		for name, list := range values {
			if slices.Contains(secrets, strings.ToLower(name)) && slices.ContainsFunc(list, func(v string) bool { return v != "*****" }) {
				t.Errorf("%q shows %s in %q", path, name, shown)
			}
		}
		if text := clip(shown, maxPath); len(text) > maxPath+len("…")+len("\uFFFD") || !utf8.ValidString(text) {
			t.Errorf("%q is clipped to %q", path, text)
		}
	})
}
