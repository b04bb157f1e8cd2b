package fault

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Group is where the trouble is.
type Group string

const (
	// Token is about Entra ID: tokens and discovery.
	Token Group = "token"
	// Transport is about the connection and HTTP.
	Transport Group = "transport"
	// Protocol is about what Graph says.
	Protocol Group = "protocol"
)

// A Kind is an entry of the catalogue.
type Kind struct {
	Name  string
	Group Group
	// Service is the one that it befalls, or AnyService. What belongs to Graph can befall Intune's own service for network access control, too.
	Service Service
	// Doc says what the client sees, in a sentence or two.
	Doc string
	// Facts is where its source is, a section of the facts.
	Facts string
	// Default has the parameters that are used where a fault leaves them out.
	Default Fault
	// takesAlso are parameters without a default.
	takesAlso []string
	// breaks says that it is about the connection, which a request inside of a $batch has not.
	breaks bool
	// befalls tells which requests it can strike.
	befalls func(*Request) bool
	// strike answers a request.
	strike func(*strike)
}

// Catalogue lists the kinds of faults, by group.
func Catalogue() []Kind { return slices.Clone(kinds) }

// Lookup finds a kind by name.
func Lookup(name string) (*Kind, bool) {
	for i := range kinds {
		if kinds[i].Name == name {
			return &kinds[i], true
		}
	}
	return nil, false
}

func names() []string {
	list := make([]string, len(kinds))
	for i := range kinds {
		list[i] = kinds[i].Name
	}
	return list
}

// Parameters names what a fault of the kind takes beside the requests that it strikes and its limits.
func (k *Kind) Parameters() []string { return k.parameters() }

func (k *Kind) parameters() []string {
	var names []string
	for _, p := range parameters {
		if k.takes(p.name) {
			names = append(names, p.name)
		}
	}
	return names
}

// parameterList is a clause of an error.
func (k *Kind) parameterList() string {
	if some := k.parameters(); len(some) > 0 {
		return "its parameters are " + strings.Join(some, ", ")
	}
	return "it has no parameters"
}

func (k *Kind) takes(parameter string) bool {
	if slices.Contains(k.takesAlso, parameter) {
		return true
	}
	for _, p := range parameters {
		if p.name == parameter {
			return !p.isZero(&k.Default)
		}
	}
	return false
}

func (k *Kind) fillIn(f *Fault) {
	for _, p := range parameters {
		if p.isZero(f) {
			p.copy(f, &k.Default)
		}
	}
	if f.Query == "" {
		f.Query = k.Default.Query
	}
}

// A parameter is a field of Fault that some kinds take.
type parameter struct {
	name   string
	isZero func(*Fault) bool
	copy   func(to, from *Fault)
}

func parameterOf[V comparable](name string, at func(*Fault) *V) parameter {
	var zero V
	return parameter{name,
		func(f *Fault) bool { return *at(f) == zero },
		func(to, from *Fault) { *at(to) = *at(from) }}
}

var parameters = []parameter{
	parameterOf("status", func(f *Fault) *int { return &f.Status }),
	parameterOf("aadsts", func(f *Fault) *int { return &f.AADSTS }),
	parameterOf("retry_after", func(f *Fault) *time.Duration { return &f.RetryAfter }),
	parameterOf("retry_after_as", func(f *Fault) *RetryAfterForm { return &f.RetryAfterAs }),
	parameterOf("delay", func(f *Fault) *time.Duration { return &f.Delay }),
	parameterOf("skew", func(f *Fault) *time.Duration { return &f.Skew }),
	parameterOf("seconds", func(f *Fault) *int { return &f.Seconds }),
	parameterOf("rows", func(f *Fault) *int { return &f.Rows }),
	parameterOf("octets", func(f *Fault) *int { return &f.Octets }),
	parameterOf("property", func(f *Fault) *string { return &f.Property }),
	parameterOf("value", func(f *Fault) *string { return &f.Value }),
	parameterOf("to", func(f *Fault) *string { return &f.To }),
	parameterOf("body", func(f *Fault) *string { return &f.Body }),
	parameterOf("content_type", func(f *Fault) *string { return &f.ContentType }),
}

// errorParameters are what answers with an error can have.
var errorParameters = []string{"retry_after", "retry_after_as", "delay", "body", "content_type"}

// foreign is an origin that nobody owns (RFC 6761 section 6.4).
const foreign = "https://graph.attacker.invalid"

var kinds = slices.Concat(tokenKinds, transportKinds, protocolKinds)

// entraError is a kind that answers a token request with an error of Entra ID (facts 4.3).
func entraError(name string, status, number int, doc string) Kind {
	return Kind{Name: name, Group: Token, Service: Entra, Facts: "4.3", Doc: doc,
		Default: Fault{Status: status, AADSTS: number}, takesAlso: errorParameters, befalls: isTokenRequest, strike: (*strike).fail}
}

var tokenKinds = []Kind{
	entraError("wrong_secret", http.StatusUnauthorized, 7000215, "The token endpoint refuses the client secret as wrong."),
	entraError("expired_secret", http.StatusUnauthorized, 7000222, "The token endpoint refuses the client secret as expired."),
	entraError("expired_certificate", http.StatusUnauthorized, 700027, "The token endpoint refuses the client assertion: its certificate has expired."),
	entraError("entra_unavailable", http.StatusServiceUnavailable, 90033, "The token endpoint answers that a transient error has occurred."),
	entraError("tenant_throttled", http.StatusTooManyRequests, 90055, "The token endpoint answers that the tenant makes too many requests."),
	{Name: "clock_skew", Group: Token, Service: Entra, Facts: "7.3", Default: Fault{Skew: 10 * time.Minute}, befalls: isTokenRequest, strike: (*strike).pass,
		Doc: "The authority's clock is ahead of the others by skew, or behind with a minus: it judges assertions and dates tokens by it."},
	{Name: "roles_missing", Group: Token, Service: Entra, Facts: "4.2", befalls: isTokenRequest, strike: (*strike).pass,
		Doc: "Tokens are issued without roles, as if nobody had consented; Graph answers 403 to their bearer."},
	{Name: "expires_in", Group: Token, Service: Entra, Facts: "4.5", Default: Fault{Seconds: 60}, befalls: isTokenRequest, strike: editor(tokenSeconds),
		Doc: "Token replies say another expires_in. Below 300 many client libraries ask for a token with each request."},
	{Name: "expires_in_missing", Group: Token, Service: Entra, Facts: "4.5", befalls: isTokenRequest, strike: editor(tokenWithoutExpiry),
		Doc: "Token replies have no expires_in, and no expires_on either."},
	{Name: "numbers_as_text", Group: Token, Service: Entra, Facts: "4.2", befalls: isTokenRequest, strike: editor(tokenNumbersAsText),
		Doc: "The numbers of token replies are strings, as those of version 1 always are."},
	{Name: "v1_only", Group: Token, Service: Entra, Facts: "4.1", Default: Fault{Status: http.StatusNotFound}, befalls: isVersion2, strike: (*strike).fail,
		Doc: "The authority has no endpoints of version 2: they are not found."},
	{Name: "wrong_aliases", Group: Token, Service: Entra, Facts: "4.5", Default: Fault{To: "login.example.invalid"}, befalls: isInstanceDiscovery, strike: editor(wrongAliases),
		Doc: "Instance discovery names another host in aliases, so that client libraries find no token in their cache."},
	{Name: "wrong_issuer", Group: Token, Service: Entra, Facts: "4.5", Default: Fault{To: "https://issuer.example.invalid"}, befalls: isOpenIDConfiguration, strike: editor(wrongIssuer),
		Doc: "openid-configuration names an issuer that does not go with the authority, which client libraries refuse."},
}

var transportKinds = []Kind{
	{Name: "slow", Group: Transport, Facts: "7.3", Default: Fault{Delay: 30 * time.Second}, befalls: anyRequest, strike: (*strike).slow,
		Doc: "The answer comes late."},
	{Name: "reset", Group: Transport, breaks: true, Facts: "7.3", befalls: anyRequest, strike: (*strike).reset,
		Doc: "The connection is reset instead of an answer."},
	{Name: "half_body", Group: Transport, breaks: true, Facts: "7.3", befalls: anyRequest, strike: (*strike).halfBody,
		Doc: "The connection ends in the middle of the body."},
	{Name: "stall", Group: Transport, breaks: true, Facts: "7.3", Default: Fault{Delay: 5 * time.Minute}, befalls: anyRequest, strike: (*strike).stall,
		Doc: "Half of the body comes, and the rest only after the delay."},
	{Name: "gzip_corrupted", Group: Transport, breaks: true, Facts: "7.3", befalls: anyRequest, strike: (*strike).corruptGzip,
		Doc: "The body is compressed and damaged: gzip does not open, or its checksum is wrong."},
	{Name: "bad_gateway", Group: Transport, Facts: "7.3", Default: Fault{Status: http.StatusBadGateway, ContentType: "text/html", Body: gatewayPage},
		takesAlso: []string{"delay", "retry_after", "retry_after_as"}, befalls: anyRequest, strike: (*strike).fail,
		Doc: "A proxy answers with an HTML page."},
	{Name: "redirect", Group: Transport, breaks: true, Facts: "7.3", Default: Fault{Status: http.StatusTemporaryRedirect, To: foreign}, befalls: anyRequest, strike: (*strike).redirect,
		Doc: "The answer is a redirection to the same path at another origin, where a bearer token must not go."},
	{Name: "goaway", Group: Transport, breaks: true, Facts: "7.3", befalls: anyRequest, strike: (*strike).goAway,
		Doc: "The answer is right, and the server ends the connection behind it: GOAWAY in HTTP/2, Connection: close in HTTP/1.1."},
	{Name: "wrong_length", Group: Transport, breaks: true, Facts: "7.3", Default: Fault{Octets: 100}, befalls: anyRequest, strike: (*strike).wrongLength,
		Doc: "Content-Length is wrong by octets: longer than the body, which then ends too early, or with a minus shorter, which cuts it."},
	{Name: "nac_moved", Group: Transport, Service: Graph, Facts: "2.5", Default: Fault{Status: http.StatusNotFound, To: "https://fef.amsub9999.manage.microsoft.com"},
		befalls: isIntuneService, strike: (*strike).moveService,
		Doc: "The services of Intune have moved to another shard: discovery names that origin, and under any other they are not found."},
}

const gatewayPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"

// graphError is a kind that answers with an error of Graph.
func graphError(name string, status int, befalls func(*Request) bool, facts, doc string) Kind {
	return Kind{Name: name, Group: Protocol, Service: Graph, Facts: facts, Doc: doc,
		Default: Fault{Status: status}, takesAlso: errorParameters, befalls: befalls, strike: (*strike).fail}
}

// listEdit is a kind that changes the pages of device lists.
func listEdit(name string, initial Fault, facts, doc string, edit func(*strike, *page)) Kind {
	return Kind{Name: name, Group: Protocol, Service: Graph, Facts: facts, Doc: doc, Default: initial, befalls: isDeviceList, strike: pageEditor(edit)}
}

var protocolKinds = []Kind{
	{Name: "status", Group: Protocol, Facts: "3.2", Default: Fault{Status: http.StatusServiceUnavailable}, takesAlso: append([]string{"aadsts"}, errorParameters...),
		befalls: anyRequest, strike: (*strike).fail,
		Doc: "The answer has that HTTP status, with the body that the service has for it."},
	graphError("throttled", http.StatusTooManyRequests, anyRequest, "3.3", "Graph answers that there are too many requests: with retry_after in one of its forms, or without as Intune often does."),
	graphError("gateway_timeout", http.StatusGatewayTimeout, anyRequest, "3.2", "Graph answers 504; with page, on a deep page of a list."),
	graphError("unauthorized", http.StatusUnauthorized, anyRequest, "3.2", "Graph answers that the token has expired; with page, in the middle of a list."),
	graphError("forbidden", http.StatusForbidden, anyRequest, "3.2, 6.8", "Graph answers 403 although the token is good; with probability, now and then."),
	{Name: "filter_fails", Group: Protocol, Service: Graph, Facts: "3.2", Default: Fault{Status: http.StatusInternalServerError, Query: "$filter"}, takesAlso: errorParameters,
		befalls: anyRequest, strike: (*strike).fail,
		Doc: "Graph answers 500 to a valid $filter, as in an outage."},
	{Name: "filter_ignored", Group: Protocol, Service: Graph, Facts: "2.1, 6.1", Default: Fault{Query: "$filter"}, befalls: isDeviceList, strike: (*strike).ignoreFilter,
		Doc: "Graph ignores every $filter and answers with the whole tenant."},
	listEdit("next_link_loop", Fault{}, "7.3", "The next page that a list names is the same one.", linkLoop),
	listEdit("next_link_dropped", Fault{}, "2.1, 7.3", "A page lacks @odata.nextLink, so that the list ends early.", linkDropped),
	listEdit("next_link_foreign", Fault{To: foreign}, "7.2, 7.3", "The next page that a list names is at another origin, where a bearer token must not go.", linkForeign),
	listEdit("rows_repeated", Fault{Rows: 1}, "2.1", "A page begins with the last rows of the page before, as when devices are renamed during a scan, at most 100; a first page repeats its own last ones.", rowsRepeated),
	listEdit("rows_missing", Fault{Rows: 1}, "2.1", "The last rows of a page are on no page, as when devices are renamed during a scan.", rowsMissing),
	listEdit("empty_page", Fault{}, "2.1", "A page is empty and names a next one, where the rows are; without count that one is empty too.", emptyPage),
	{Name: "short_page", Group: Protocol, Service: Graph, Facts: "2.1", Default: Fault{Rows: 1}, befalls: isDeviceList, strike: (*strike).shortPage,
		Doc: "A page has fewer rows than was asked for, and the list goes on."},
	listEdit("list_truncated", Fault{Rows: 1}, "2.1", "A list ends after that many rows without saying so.", listTruncated),
	listEdit("wrong_count", Fault{Value: "1"}, "2.1, 7.3", "@odata.count is not the number of rows.", wrongCount),
	{Name: "unknown_member", Group: Protocol, Service: Graph, Facts: "1.2", Default: Fault{Property: "complianceState", Value: "unknownFutureValue"}, takesAlso: []string{"rows"},
		befalls: isDevice, strike: rowEditor(unknownMember),
		Doc: "A property of devices has a member of its enumeration that nobody knows; with rows, of that many devices in a page."},
	{Name: "null_value", Group: Protocol, Service: Graph, Facts: "7.3", Default: Fault{Property: "complianceState"}, takesAlso: []string{"rows"}, befalls: isDevice, strike: rowEditor(nullValue),
		Doc: "A property of devices that is never null is null."},
	{Name: "extra_fields", Group: Protocol, Service: Graph, Facts: "7.3", takesAlso: []string{"rows"}, befalls: isDevice, strike: rowEditor(extraFields),
		Doc: "Devices have properties that nobody knows, some of them deep."},
}

// Which requests a kind can befall.

func anyRequest(*Request) bool { return true }

func isTokenRequest(r *Request) bool { return strings.HasSuffix(r.Path, "/token") }

func isVersion2(r *Request) bool { return strings.Contains(r.Path, "/v2.0/") }

func isInstanceDiscovery(r *Request) bool { return strings.HasSuffix(r.Path, "/discovery/instance") }

func isOpenIDConfiguration(r *Request) bool {
	return strings.HasSuffix(r.Path, "/.well-known/openid-configuration")
}

// isIntuneService tells discovery of the services of Intune beside Graph, and requests to them (facts 2.5).
func isIntuneService(r *Request) bool {
	return isDiscovery(r.Path) || strings.HasPrefix(r.Path, "/trafficgateway/")
}

func isDiscovery(path string) bool {
	return strings.Contains(path, "/serviceprincipals") && strings.HasSuffix(path, "/endpoints")
}

func isDeviceList(r *Request) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.Path, "/manageddevices")
}

func isDevice(r *Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Path, "/manageddevices")
}
