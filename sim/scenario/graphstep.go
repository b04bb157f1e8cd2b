package scenario

import (
	"slices"
	"strings"
	"time"

	"nacsim/fakegraph/fault"
)

// Graph breaks or mends Microsoft Graph and the token endpoint, or changes the NAC's registration there. One of its fields says which.
type Graph struct {
	Pos
	// Down says that Graph cannot be reached; Up that it answers as usual again, without faults.
	Down bool
	Up   bool
	// Fault comes into force when its Name is not empty, and those of the name Ends end.
	Fault fault.Fault
	Ends  string
	// Consent is that of the tenant's administrator to the NAC: [Revoked] or [Granted].
	Consent string
	// Secret is what becomes of the NAC's client secret: [Expired] or [Renewed].
	Secret string
	// SigningKey is what becomes of the key that tokens are signed with: [Rolled].
	SigningKey string
}

// Values of the fields of [Graph].
const (
	Revoked = "revoked"
	Granted = "granted"
	Expired = "expired"
	Renewed = "renewed"
	Rolled  = "rolled"
)

// aloneInGraph are the keys of a graph step that stand alone; without one of them the step is a fault.
var aloneInGraph = []string{"status", "end", "consent", "secret", "signing_key"}

// faultNames are those of the catalogue.
var faultNames = func() []string {
	var names []string
	for _, k := range fault.Catalogue() {
		names = append(names, k.Name)
	}
	return names
}()

// faultFields say which requests a fault strikes, how long and how often, and how.
var faultFields = []field[Graph]{
	key("page", "Strike only this page of lists, counted from 1; a page that is asked for again keeps its number.", func(g *Graph) *int { return &g.Fault.Page }, whole(1, 1000000), example("3")),
	key("service", "Strike only requests to Graph, or to entra, the token endpoint.", func(g *Graph) *string { return (*string)(&g.Fault.Service) }, choice("graph", "entra")),
	key("path", "Strike only requests whose path begins like this, in lower case.", func(g *Graph) *string { return &g.Fault.Path }, line(256), example("/v1.0/devicemanagement")),
	key("method", "Strike only requests of this method.", func(g *Graph) *string { return &g.Fault.Method }, choice("GET", "POST", "PATCH", "DELETE")),
	key("query", "Strike only requests with this in their query.", func(g *Graph) *string { return &g.Fault.Query }, line(256), example("azureADDeviceId")),
	key("skip", "How many requests to let through before.", func(g *Graph) *int { return &g.Fault.Skip }, whole(1, 1000000), example("1")),
	key("count", "How many to strike; without it, all until status: up or end.", func(g *Graph) *int { return &g.Fault.Count }, whole(1, 1000000), example("2")),
	key("for", "How long.", func(g *Graph) *time.Duration { return &g.Fault.For }, interval, example("10m")),
	key("probability", "The probability with which a request is struck.", func(g *Graph) *float64 { return &g.Fault.Probability }, percent, example("30%")),
	key("retry_after", "What the answers say in Retry-After.", func(g *Graph) *time.Duration { return &g.Fault.RetryAfter }, span(time.Millisecond, 24*time.Hour), example("30s")),
	key("retry_after_as", "In which form: in whole seconds, with milliseconds, or as a date.", func(g *Graph) *string { return (*string)(&g.Fault.RetryAfterAs) }, choice("seconds", "fraction", "date"), otherwise("seconds")),
	key("aadsts", "The number of Entra ID's error.", func(g *Graph) *int { return &g.Fault.AADSTS }, whole(1, 99999999), example("90033")),
	key("delay", "How late the answer, or the rest of it, is.", func(g *Graph) *time.Duration { return &g.Fault.Delay }, span(time.Millisecond, time.Hour), example("30s")),
	key("skew", "How far the authority's clock is ahead.", func(g *Graph) *time.Duration { return &g.Fault.Skew }, relative, example("-10m")),
	key("seconds", "A number of seconds in the reply.", func(g *Graph) *int { return &g.Fault.Seconds }, whole(1, 1000000), example("60")),
	key("rows", "A number of rows.", func(g *Graph) *int { return &g.Fault.Rows }, whole(1, 1000000), example("1")),
	key("octets", "A number of octets.", func(g *Graph) *int { return &g.Fault.Octets }, whole(-1000000, 1000000), example("-10")),
	key("property", "A property of devices.", func(g *Graph) *string { return &g.Fault.Property }, line(64), example("complianceState")),
	key("value", "What the reply says instead.", func(g *Graph) *string { return &g.Fault.Value }, anyValue, example("unknownFutureValue")),
	key("to", "Where a link leads instead: an origin.", func(g *Graph) *string { return &g.Fault.To }, line(256), example("https://graph.example.net")),
	key("body", "What the answer has instead of an error of Graph.", func(g *Graph) *string { return &g.Fault.Body }, text(4096), example("<html>Bad Gateway</html>")),
	key("content_type", "What the body is.", func(g *Graph) *string { return &g.Fault.ContentType }, line(128), example("text/html")),
}

var graphRule = mapping[Graph]{
	schema: schema{OneOf: graphForms()},
	fields: slices.Concat([]field[Graph]{
		keyOf("status", "Whether it can be reached and answers as usual.", readGraphStatus, choice("down", "up").schema),
		key("fault", "A fault of the catalogue, see nacsim help faults.", func(g *Graph) *string { return &g.Fault.Name }, choice(faultNames...), example("throttled", "next_link_loop")),
		key("answer", "The HTTP status of its answers.", func(g *Graph) *int { return &g.Fault.Status }, whole(300, 599), example("503", "429")),
		key("end", "The name of faults that end.", func(g *Graph) *string { return &g.Ends }, choice(faultNames...)),
		key("consent", "What the administrator does with the consent to the NAC.", func(g *Graph) *string { return &g.Consent }, choice(Revoked, Granted)),
		key("secret", "What becomes of the NAC's client secret: it expires, or there is a new one, which the NAC is given at once, or at its next start if it is down.",
			func(g *Graph) *string { return &g.Secret }, choice(Expired, Renewed)),
		key("signing_key", "What becomes of the key that tokens are signed with: another takes its place; tokens from before stay good.",
			func(g *Graph) *string { return &g.SigningKey }, choice(Rolled)),
	}, faultFields),
	after: checkGraph,
}.rule()

// graphForms are the schemas of which a graph step meets one: an action that stands alone, or a fault.
func graphForms() []*schema {
	fails := &schema{AnyOf: []*schema{{Required: []string{"fault"}}, {Required: []string{"answer"}}}, Not: &schema{}}
	forms := []*schema{fails}
	for _, action := range aloneInGraph {
		fails.Not.AnyOf = append(fails.Not.AnyOf, &schema{Required: []string{action}})
		forms = append(forms, &schema{Required: []string{action}, MaxProperties: 1})
	}
	return forms
}

func readGraphStatus(p *parser, n *node, g *Graph) {
	var status string
	choice("down", "up").read(p, n, "status", &status)
	g.Down, g.Up = status == "down", status == "up"
}

func checkGraph(p *parser, n *node, g *Graph) {
	strikes := n.entry("fault") != nil || n.entry("answer") != nil
	alone := ""
	for _, name := range aloneInGraph {
		if n.entry(name) != nil && alone == "" {
			alone = name
		}
	}
	switch {
	case alone != "" && len(n.entries) > 1:
		for _, e := range n.entries {
			if e.key.text != alone {
				p.report(e.key.pos, e.key.width, "%s cannot stand beside %s", e.key.text, alone)
				return
			}
		}
	case alone == "" && !strikes:
		p.report(n.pos, n.width, "give status: down, status: up, answer: with an HTTP status such as 503, fault: with a name of nacsim help faults, end:, consent:, secret: or signing_key:")
		return
	}
	if alone != "status" {
		p.needUp(n, HostGraph, "have a fault or another registration")
	}
	if strikes && !p.broken(n) {
		checkFault(p, n, g)
	}
}

func checkFault(p *parser, n *node, g *Graph) {
	if v := n.entry("retry_after"); v != nil && g.Fault.RetryAfterAs != fault.RetryAfterFraction && g.Fault.RetryAfter%time.Second != 0 {
		p.report(v.pos, v.width, "retry_after: want whole seconds, got %s; retry_after_as: fraction can have parts", v.text)
		return
	}
	if v := n.entry("probability"); v != nil && g.Fault.Probability == 0 {
		p.report(v.pos, v.width, "probability: %s strikes nothing", v.text)
		return
	}
	if err := g.Fault.Check(); err != nil {
		p.report(n.pos, n.width, "%s", strings.Replace(err.Error(), "status ", "answer ", 1))
	}
}
