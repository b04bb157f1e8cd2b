package interop

import (
	"slices"
	"testing"
)

// TestInteropGraphClientsUnmodified runs programs that know nothing of fakegraph: they go to Microsoft's hosts, and
// HTTPS_PROXY and the certificates that they trust lead them here.
func TestInteropGraphClientsUnmodified(t *testing.T) {
	t.Parallel()
	p := awaitGraphProgram(t, "go") // Node's fetch does not read HTTPS_PROXY before version 24
	f := startGraph(t)
	environment := []string{"SSL_CERT_FILE=" + f.ca, "HTTPS_PROXY=" + f.proxy}
	reports := p.start(t, nacApp, nil, environment, []string{"token", "msal", "list?$top=2", "batch?id=00000000-0000-4000-8000-000000000001",
		"raw?path=/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints"})
	for _, r := range reports[:2] {
		var token graphToken
		if r.read(t, &token); token.Claims.Tenant != graphTenant || !token.Cached {
			t.Errorf("%s: the token says %+v, found in the cache: %v", r.Case, token.Claims, token.Cached)
		}
	}
	var list graphList
	if reports[2].read(t, &list); !slices.Equal(list.names(), []string{"LAPTOP-1", "LAPTOP-2", "MAC-1", "PHONE-1", "PHONE-2"}) {
		t.Errorf("it lists %q", list.names())
	}
	var items []graphBatchItem
	if reports[3].read(t, &items); items[0].Status != 200 {
		t.Errorf("the batch: %s", reports[3].Result)
	}
	hosts := map[string]bool{}
	for _, r := range f.log(t, "") {
		hosts[r.Host] = true
	}
	for _, host := range []string{"login.microsoftonline.com", "graph.microsoft.com"} {
		if !hosts[host] || len(hosts) != 2 {
			t.Errorf("requests went to %v", hosts)
		}
	}
	var first []string
	for _, r := range f.log(t, "")[:3] {
		first = append(first, r.Route)
	}
	if want := []string{"GET /common/discovery/instance", "GET /{tenant}/v2.0/.well-known/openid-configuration", "/{tenant}/oauth2/v2.0/token"}; !slices.Equal(first, want) {
		t.Errorf("the first requests are %q, not %q", first, want)
	}
}
