package mdm

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"nacsim/internal/guid"
)

// facts 3.2: messages are JSON inside JSON, once or twice.
func TestErrorBodies(t *testing.T) {
	cases := []struct{ name, body, code, message string }{
		{"plain", `{"error":{"code":"TooManyRequests","message":"An error has occurred."}}`, "TooManyRequests", "An error has occurred."},
		{"double", `{"error":{"code":"ResourceNotFound","message":"{\r\n  \"_version\": 3,\r\n  \"Message\": \"An error has occurred - Operation ID (for customer support): 0 - Activity ID: 1\",\r\n  \"HttpHeaders\": \"{}\"\r\n}"}}`, "ResourceNotFound", "An error has occurred"},
		{"triple", `{"error":{"code":"UnknownError","message":"{\"ErrorCode\":\"Forbidden\",\"Message\":\"{\\\"_version\\\":3,\\\"Message\\\":\\\"Application is not authorized\\\"}\"}"}}`, "Forbidden", "Application is not authorized"},
		{"empty message", `{"error":{"code":"UnknownError","message":""}}`, "UnknownError", ""},
		{"Entra", `{"error":"invalid_client","error_description":"AADSTS7000222: expired.\r\nTrace ID: 1"}`, "invalid_client", "AADSTS7000222: expired."},
		{"a proxy's page", "<html>\n<body>Bad   gateway</body>", "", "<html> <body>Bad gateway</body>"},
		{"nothing", "", "", ""},
	}
	for _, c := range cases {
		if code, message := decodeError([]byte(c.body)); code != c.code || message != c.message {
			t.Errorf("%s: %q %q, want %q %q", c.name, code, message, c.code, c.message)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, " 2.128 ": 2128 * time.Millisecond, "-1": 0, "0": 0, "NaN": 0, "1e300": time.Hour, "Inf": time.Hour, "soon": 0,
		"Mon, 05 Jan 2026 08:00:30 GMT": 30 * time.Second, "Mon, 05 Jan 2026 07:00:00 GMT": 0, "Tue, 06 Jan 2026 08:00:00 GMT": time.Hour,
	} {
		if got := parseRetryAfter(value, start); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// facts 4.2, 4.5: numbers may be texts, and either expires_in or expires_on is there.
func TestDecodeToken(t *testing.T) {
	in := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	on := start.Unix() + 1000
	for _, c := range []struct {
		body       string
		renew, end time.Time
	}{
		{`{"access_token":"a","expires_in":3599}`, in(3299), in(3599)},
		{`{"access_token":"a","expires_in":"3599","expires_on":"1"}`, in(3299), in(3599)},
		{fmt.Sprintf(`{"access_token":"a","expires_on":"%d"}`, on), in(700), in(1000)},
		{fmt.Sprintf(`{"access_token":"a","expires_on":%d,"expires_in":null}`, on), in(700), in(1000)},
		{`{"access_token":"a","expires_in":60}`, in(30), in(60)},
		{`{"access_token":"a","expires_in":86400,"refresh_in":43200}`, in(43200), in(86400)},
		{`{"access_token":"a","expires_in":3599,"refresh_in":"3590"}`, in(3299), in(3599)},
		{`{"access_token":"a","expires_in":3599,"refresh_in":{}}`, in(3299), in(3599)},
	} {
		if token, err := decodeToken([]byte(c.body), start); err != nil || token.text != "a" || !token.renew.Equal(c.renew) || !token.end.Equal(c.end) {
			t.Errorf("%s: %+v %v", c.body, token, err)
		}
	}
	for _, body := range []string{"", "{}", `{"access_token":"a"}`, `{"access_token":"a\r\nb","expires_in":1}`, `{"access_token":"a","expires_in":"x"}`,
		`{"access_token":"a","expires_in":0}`, `{"access_token":"a","expires_in":1e99}`, `{"expires_in":1}`, `{"access_token":"a","expires_on":5}`} {
		if _, err := decodeToken([]byte(body), start); err == nil {
			t.Errorf("%s was taken for a token", body)
		}
	}
}

func TestParseMAC(t *testing.T) {
	for text, want := range map[string]string{
		"00:1c:b3:09:85:15": wifi1, "00-1C-B3-09-85-15": wifi1, "001c.b309.8515": wifi1, wifi1: wifi1,
		"": "", "00:1c": "", "00:1c:b3:09:85:15:16": "", "00:1c:b3:09:85:1x": "", "00:00:00:00:00:00": "",
	} {
		if got := parseMAC(text).String(); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Null, missing and unreadable values do not spoil a device.
func TestDecodeDeviceLeniently(t *testing.T) {
	f, err := decodeDevice([]byte(`{"id":"`+strings.ToUpper(numberedID(1))+`","deviceName":null,"complianceState":null,"lastSyncDateTime":"never","wiFiMacAddress":"a8:7e:ea:bc:6a:c9","futureProperty":{}}`), start)
	if err != nil || f.ID != numberedID(1) || f.ComplianceState != "unknown" || !f.LastSync.IsZero() || f.WiFiMAC != "A87EEABC6AC9" || f.ethernetKnown || !f.FetchedAt.Equal(start) {
		t.Errorf("%+v, %v", f, err)
	}
	for _, body := range []string{"", "{}", `{"id":"x"}`, `{"id":5}`} {
		if _, err := decodeDevice([]byte(body), start); err == nil {
			t.Errorf("%s was taken for a device", body)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"@odata.context":"c","@odata.count":1,"@odata.nextLink":"https://graph.microsoft.com/v1.0/x","value":[{"id":"00000000-0000-4000-8000-000000000001","deviceName":"A","ethernetMacAddress":null,"lastSyncDateTime":"2026-01-05T08:00:00Z"}]}`))
	f.Add([]byte(`{"error":{"code":"UnknownError","message":"{\"ErrorCode\":\"Forbidden\",\"Message\":\"x\"}"}}`))
	f.Add([]byte(`{"access_token":"a","expires_in":"3599"}`))
	f.Add([]byte(`{"id":"00000000-0000-4000-8000-000000000001"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if d, err := decodeDevice(body, start); err == nil && !guid.Valid(d.ID) {
			t.Errorf("device %+v", d)
		}
		if code, message := decodeError(body); len(code) > 64 || len(message) > maxMessage || !utf8.ValidString(code+message) || strings.ContainsFunc(code+message, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("code %q, message %q", code, message)
		}
		if token, err := decodeToken(body, start); err == nil && (token.text == "" || !token.renew.After(start) || token.renew.After(token.end)) {
			t.Errorf("token %+v", token)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("2.128")
	f.Add("Mon, 05 Jan 2026 08:00:30 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		if d := parseRetryAfter(value, start); d < 0 || d > maxRetryAfter {
			t.Errorf("%v", d)
		}
	})
}

// What comes from outside goes to a terminal: no character of it may move the cursor, in ASCII or Unicode, or turn the text around.
func TestErrorIsPrintable(t *testing.T) {
	for _, body := range []string{
		`{"error":{"code":"A\u001b[2J","message":"x\u009b31m y\u202ez\u2028\r\nw"}}`,
		`{"error":"A\u001b[2J","error_description":"x\u009b31m y\u202ez\u2028 w"}`,
		"<html>\x1b[2J\xc2\x9b31m\x00",
	} {
		code, message := decodeError([]byte(body))
		if bad := strings.IndexFunc(code+message, func(r rune) bool { return !unicode.IsPrint(r) }); bad >= 0 || message == "" {
			t.Errorf("%q: %q %q", body, code, message)
		}
	}
}
