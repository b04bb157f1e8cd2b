package mdm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"nacsim/internal/guid"
)

// What a page says wrongly costs the row at most its one property; what cannot be told costs the list.
func TestReadPage(t *testing.T) {
	one := `"id":"` + numberedID(1) + `"`
	cases := []struct{ name, body, want string }{
		{"a device", `{"value":[{` + one + `,"deviceName":"A","complianceState":"compliant"}]}`, "1 A compliant"},
		{"null where there is none", `{"value":[{` + one + `,"deviceName":null,"complianceState":null}]}`, "1  unknown"},
		{"other types", `{"value":[{` + one + `,"deviceName":5,"complianceState":{"a":[true]}}]}`, "1  unknown"},
		{"a member of tomorrow", `{"value":[{` + one + `,"complianceState":"quarantined","future":{"deviceName":"B"}}]}`, "1  quarantined"},
		{"the last of two", `{"value":[{` + one + `,"complianceState":"compliant","complianceState":"noncompliant"}]}`, "1  noncompliant"},
		{"the last of two, null", `{"value":[{` + one + `,"complianceState":"compliant","complianceState":null}]}`, "1  unknown"},
		{"properties in capitals are others", `{"value":[{` + one + `,"COMPLIANCESTATE":"compliant"}]}`, "1  unknown"},
		{"escapes", `{"value":[{` + one + `,"device\u004eame":"A\u0041\n\"","complianceState":"\u0063ompliant"}]}`, "1 AA\n\" compliant"},
		{"a name that is none of Intune's", `{"value":[{` + one + `,"deviceName":"` + strings.Repeat("A", maxText+1) + `","complianceState":"compliant"}]}`, "1  compliant"},
		{"no UTF-8", "{\"value\":[{" + one + ",\"deviceName\":\"A\xff\"}]}", "1 A\ufffd unknown"},
		{"no id, no GUID, zeros, none", `{"value":[{},{"id":5},{"id":"x"},{"id":"00000000-0000-0000-0000-000000000000"},null,[],"x"]}`, ""},
		{"white space", " \n{\t\"value\" : [ { " + one + " } ] }\r\n", "1  unknown"},
		{"nested deeply", `{"a":` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `,"value":[]}`, ""},
		{"nested too deep", `{"a":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `,"value":[]}`, "error: JSON is nested too deep"},
		{"no list", `{}`, "error: the reply has no value"},
		{"a list that is none", `{"value":{}}`, "error: JSON has '{' at octet 9, want an array of devices"},
		{"two lists", `{"value":[{` + one + `}],"value":[]}`, "error: the reply has two values"},
		{"cut off", `{"value":[{` + one + `}`, "error: JSON ends after 55 octets, want a comma or the end of the array"},
		{"cut off in a string", `{"value":[{"id":"0000`, "error: JSON ends after 21 octets, want the end of a string"},
		{"something behind it", `{"value":[]}{}`, "error: JSON has '{' at octet 12, want nothing more"},
		{"a control character", "{\"value\":[{\"deviceName\":\"a\nb\"}]}", "error: JSON has '\\n' at octet 26, want no control character in a string"},
		{"nothing", ``, "error: JSON ends after 0 octets, want an object"},
		{"a proxy's page", `<html>`, "error: JSON has '<' at octet 0, want an object"},
		{"numbers", `{"value":[],"a":[0,-1,1.5e+9,2E-3]}`, ""},
		{"no number", `{"value":[],"a":01}`, "error: JSON has '1' at octet 17, want a comma or the end of the object"},
		{"no number either", `{"value":[],"a":1.}`, "error: JSON has '}' at octet 18, want a digit"},
		{"no literal", `{"value":[],"a":nul}`, "error: JSON has 'n' at octet 16, want null"},
	}
	for _, c := range cases {
		rows, _, err := readPage([]byte(c.body), nil)
		var got []string
		for i := range rows {
			f := rows[i].fetched(start)
			got = append(got, fmt.Sprintf("%s %s %s", strings.TrimLeft(f.ID[24:], "0"), f.DeviceName, f.ComplianceState))
		}
		text := strings.Join(got, "; ")
		if err != nil {
			text = "error: " + err.Error()
		}
		if text != c.want {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
	many := `{"value":[{"id":"` + numberedID(1) + `"}` + strings.Repeat(`,{"id":"`+numberedID(1)+`"}`, maxRows) + `]}`
	if _, _, err := readPage([]byte(many), nil); err == nil || !strings.Contains(err.Error(), "more than 10000 devices") {
		t.Errorf("a page of more than %d devices: %v", maxRows, err)
	}
}

// reference reads a page by encoding/json: the last of several members counts, and names are taken exactly.
func reference(body []byte) (devices []map[string]string, next string, err error) {
	var page map[string]json.RawMessage
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, "", err
	}
	var value []json.RawMessage
	if err := json.Unmarshal(page["value"], &value); err != nil {
		return nil, "", err
	}
	if link := page["@odata.nextLink"]; link != nil && !bytes.Equal(link, []byte("null")) {
		if err := json.Unmarshal(link, &next); err != nil {
			return nil, "", err
		}
	}
	for _, element := range value {
		var members map[string]json.RawMessage
		if json.Unmarshal(element, &members) != nil {
			continue
		}
		device := map[string]string{}
		for _, name := range strings.Split(selected, ",") {
			var text *string
			if json.Unmarshal(members[name], &text) == nil && text != nil {
				device[name] = *text
			}
		}
		if guid.Valid(device["id"]) && parseID(device["id"]) != (deviceID{}) {
			devices = append(devices, device)
		}
	}
	return devices, next, nil
}

// FuzzReadPage holds the reader against encoding/json: what it makes of a page is what that makes of it. It may refuse
// more, for being nested too deep or for having two lists.
func FuzzReadPage(f *testing.F) {
	f.Add([]byte(`{"@odata.context":"c","@odata.count":1,"@odata.nextLink":"https://graph.microsoft.com/v1.0/x","value":[{"id":"00000000-0000-4000-8000-000000000001","deviceName":"A","ethernetMacAddress":null,"lastSyncDateTime":"2026-01-05T08:00:00Z"}]}`))
	f.Add([]byte(`{"value":[{"id":"00000000-0000-4000-8000-000000000001","id":null},{"id":"00000000-0000-4000-8000-00000000000A","deviceN\u0061me":"\ud83d\ude00\u0000","model":-1.5e3}],"@odata.nextLink":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, next, err := readPage(body, nil)
		devices, wantNext, wantErr := reference(body)
		if err != nil {
			if wantErr == nil && !errors.Is(err, errDepth) && !strings.Contains(err.Error(), "two values") && !linkIsOdd(body) {
				t.Errorf("refused: %v", err)
			}
			return
		}
		if wantErr != nil {
			t.Fatalf("taken, but encoding/json says %v", wantErr)
		}
		if next != wantNext || len(rows) != len(devices) {
			t.Fatalf("%d devices and %q, want %d and %q", len(rows), next, len(devices), wantNext)
		}
		for i := range rows {
			r, want := &rows[i], devices[i]
			got := map[string]string{"deviceName": string(r.name), "complianceState": string(r.compliance), "managementState": string(r.management),
				"operatingSystem": string(r.system), "osVersion": string(r.version), "manufacturer": string(r.manufacturer), "model": string(r.modelName)}
			for name, text := range got {
				if text != want[name] {
					t.Errorf("%s is %q, want %q", name, text, want[name])
				}
			}
			_, known := want["ethernetMacAddress"]
			if r.id != parseID(want["id"]) || r.entra != parseID(want["azureADDeviceId"]) || r.wifi != parseMAC(want["wiFiMacAddress"]) ||
				r.ethernet != parseMAC(want["ethernetMacAddress"]) || r.ethernetKnown != known {
				t.Errorf("%+v, want %v", r, want)
			}
			if d := r.fetched(start); !guid.Valid(d.ID) || d.ComplianceState == "" {
				t.Errorf("record %+v", d)
			}
		}
	})
}

// linkIsOdd reports whether a page has a next link that is no text at some place: the last one counts for
// encoding/json, each for readPage.
func linkIsOdd(body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return false
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return false
		}
		if name == "@odata.nextLink" && value[0] != '"' && string(value) != "null" || name == "value" && value[0] != '[' {
			return true
		}
	}
	return false
}

func TestRecordOfRow(t *testing.T) {
	body := `{"id":"` + strings.ToUpper(numberedID(1)) + `","azureADDeviceId":"00000000-0000-0000-0000-000000000000","deviceName":"A","wiFiMacAddress":"a8-7e-ea-bc-6a-c9",
		"ethernetMacAddress":"","complianceState":"inGracePeriod","managementState":"managed","lastSyncDateTime":"2026-01-05T09:00:00+01:00","operatingSystem":"Windows",
		"osVersion":"10","manufacturer":"M","model":"N"}`
	f, err := decodeDevice([]byte(body), start)
	want := fetched{Record: Record{ID: numberedID(1), DeviceName: "A", WiFiMAC: "A87EEABC6AC9", ComplianceState: "inGracePeriod", ManagementState: "managed",
		LastSync: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), OperatingSystem: "Windows", OSVersion: "10", Manufacturer: "M", Model: "N", FetchedAt: start}, ethernetKnown: true}
	if err != nil || !reflect.DeepEqual(f, want) {
		t.Errorf("%+v, %v, want %+v", f, err, want)
	}
}

// Every property that is asked for is read.
func TestSelectedIsRead(t *testing.T) {
	seen := map[property]bool{}
	for _, name := range strings.Split(selected, ",") {
		seen[propertyNamed([]byte(name))] = true
	}
	if got := slices.Sorted(maps.Keys(seen)); got[0] != propertyID || len(got) != int(propertyModel) {
		t.Errorf("properties %v", got)
	}
}
