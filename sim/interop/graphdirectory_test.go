package interop

import (
	"strings"
	"testing"
)

func TestInteropGraphClientsDirectory(t *testing.T) {
	eachGraphProgram(t, func(t *testing.T, p *graphProgram) {
		f := startGraph(t)
		reports := p.ask(t, f, nacApp, "raw?path=/users/ada@contoso.example/memberOf", "raw?path=/users/eve@contoso.example",
			"raw?path=/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints", "raw?path=/nonsense")
		var groups any
		reports[0].read(t, &groups)
		if got := text(point(groups, "/value/displayName=Staff/@odata.type")); got != "#microsoft.graph.group" {
			t.Errorf("the user's groups: %s", reports[0].Result)
		}
		reports[1].fails(t, 404, "Request_ResourceNotFound", "eve@contoso.example")
		var endpoints any
		reports[2].read(t, &endpoints)
		if uri := text(point(endpoints, "/value/providerName=ComplianceRetrievalService/uri")); !strings.HasPrefix(uri, f.url+"/") {
			t.Errorf("the compliance retrieval service is at %s", uri)
		}
		reports[3].fails(t, 400, "BadRequest", "Resource not found for the segment 'nonsense'.")
	})
}
