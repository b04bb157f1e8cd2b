package interop

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

func TestInteropGraphClientsBatch(t *testing.T) {
	id := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f := startGraph(t)
		ids := []string{id(1), id(2), id(9), id(3)}
		r := p.ask(t, f, nacApp, "batch?$select=id,deviceName,ethernetMacAddress&id="+strings.Join(ids, "&id="))[0]
		var items []graphBatchItem
		r.read(t, &items)
		for i, want := range []struct {
			status int
			name   string
		}{{200, "LAPTOP-1"}, {200, "LAPTOP-2"}, {404, ""}, {200, "PHONE-1"}} {
			item := items[i]
			if item.ID != ids[i] || item.Status != want.status || (item.Device == nil) != (want.name == "") {
				t.Fatalf("item %d is %s", i, r.Result)
			}
			if want.name != "" && show(item.Device.Name) != want.name {
				t.Errorf("item %d is %s, not %s", i, show(item.Device.Name), want.name)
			}
		}
		if e := items[2].Error; e == nil || e.Code != "ResourceNotFound" {
			t.Errorf("the device that is not there: %+v", e)
		}
		if mac := show(items[0].Device.Ethernet); mac != "A483E7000101" {
			t.Errorf("the Ethernet address is %s", mac)
		}
		if calls := f.log(t, "$batch"); len(calls) != 1 || len(calls[0].Batch) != len(ids) {
			t.Errorf("the log has %+v, not one batch of %d", calls, len(ids))
		}
	})
}

type graphBatchItem struct {
	ID     string
	Status int
	Device *graphDevice
	Error  *struct{ Code, Message string }
}

func TestInteropGraphClientsActions(t *testing.T) {
	const id = "00000000-0000-4000-8000-000000000001"
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f := startGraph(t)
		reports := p.ask(t, f, graphApp{tenant: graphTenant, client: graphHelp, secret: graphSecret}, "sync?id="+id, "list?$top=1&most=1", "retire?id="+id, "get?id="+id, "sync?id=00000000-0000-4000-8000-0000000000ff")
		for _, r := range []graphReport{reports[0], reports[2]} {
			var done string
			if r.read(t, &done); done != "done" {
				t.Errorf("%s: %q", r.Case, done)
			}
		}
		var d graphDevice
		if reports[3].read(t, &d); !strings.HasPrefix(show(d.Management), "retire") {
			t.Errorf("after it was retired the device is %s", show(d.Management))
		}
		reports[4].fails(t, 404, "ResourceNotFound", "")
		f.control(t, "POST", "/devices/LAPTOP-1/sync", nil, nil)
		f.control(t, "POST", "/clock", map[string]string{"advance": "5m"}, nil)
		read := p.ask(t, f, nacApp, "get?id="+id, "states?id=00000000-0000-4000-8000-000000000002", "sync?id="+id)
		read[0].fails(t, 404, "ResourceNotFound", "")
		var states map[string]string
		if read[1].read(t, &states); !maps.Equal(states, map[string]string{"Protection": "nonCompliant"}) {
			t.Errorf("the policies of the device: %v", states)
		}
		read[2].fails(t, 403, "Forbidden", "PrivilegedOperations")
	})
}
