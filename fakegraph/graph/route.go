package graph

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A route is one address of the API with a method: all that is known about it stands in the table of routes.
type route struct {
	method string
	// path is what follows the version, as Graph spells it, with "{id}" for the key of an entity.
	path string
	// permissions are those of which a token must have one, as a role or as a scope. None are needed when it is empty.
	permissions []string
	// backend is the service behind Graph, whose limits count and in whose words it refuses.
	backend backend
	// delegated says that the address needs a signed-in user.
	delegated bool
	serve     handler
}

// A handler answers a request that is authorized. An error that it returns is the reply.
type handler func(*API, http.ResponseWriter, *request) error

// A backend is a service behind Graph.
type backend int

const (
	ofGraph backend = iota
	ofIntune
	ofDirectory
)

// name is how a route is written in the request log.
func (r *route) name() string { return r.method + " /" + r.path }

// A routeNode is one segment in the tree of routes.
type routeNode struct {
	segments map[string]*routeNode // by segment in lower case
	key      *routeNode            // of the segment {id}
	spelled  []string              // the segments below, as Graph spells them, in the order of the table
	methods  []*route
}

func newRouteTree(table []route) *routeNode {
	root := &routeNode{}
	for i := range table {
		n := root
		for segment := range strings.SplitSeq(table[i].path, "/") {
			n = n.child(segment)
		}
		n.methods = append(n.methods, &table[i])
	}
	return root
}

// child returns the node below n, which it adds if it is missing.
func (n *routeNode) child(segment string) *routeNode {
	if segment == keySegment {
		if n.key == nil {
			n.key = &routeNode{}
			n.spelled = append(n.spelled, segment)
		}
		return n.key
	}
	name := strings.ToLower(segment)
	c := n.segments[name]
	if c == nil {
		if n.segments == nil {
			n.segments = map[string]*routeNode{}
		}
		c = &routeNode{}
		n.segments[name] = c
		n.spelled = append(n.spelled, segment)
	}
	return c
}

const keySegment = "{id}"

// A match is what the tree knows of a path.
type match struct {
	node *routeNode
	keys []string // the values of the {id}s
	// unknown is the first segment that the tree does not know, "" when it knows all.
	unknown string
	depth   int // of the segments that are known
}

// find follows a canonical path below the version. Segments are lower-case; the key of an entity is a segment of its own or
// stands in parentheses, with quotes or without (OData 4.01 part 2, section 4.3).
func (n *routeNode) find(path string) match {
	m := match{node: n}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" {
			continue
		}
		name, key, keyed := strings.Cut(segment, "(")
		if keyed && !strings.HasSuffix(key, ")") || !m.step(name) {
			m.unknown = segment
			return m
		}
		if !keyed {
			continue
		}
		if key = entityKey(strings.TrimSuffix(key, ")")); m.node.key == nil {
			m.unknown = segment
			return m
		}
		if key != "" {
			m.node, m.keys = m.node.key, append(m.keys, key)
		}
	}
	return m
}

// step goes down one segment if the tree knows it.
func (m *match) step(segment string) bool {
	below := m.node.segments[segment]
	if below == nil { // an action may be named with its namespace
		below = m.node.segments[strings.TrimPrefix(segment, "microsoft.graph.")]
	}
	switch {
	case below != nil:
		m.node = below
	case m.node.key != nil:
		m.node, m.keys = m.node.key, append(m.keys, entityKey(segment))
	default:
		return false
	}
	m.depth++
	return true
}

// entityKey takes the quotes off a key, in which a quote is doubled: 'x' is x and deviceid='x' is deviceid=x.
func entityKey(key string) string {
	if name, value, alternate := strings.Cut(key, "='"); alternate && !strings.HasPrefix(key, "'") {
		return name + "=" + unquoted("'"+value)
	}
	return unquoted(key)
}

func unquoted(key string) string {
	if len(key) < 2 || key[0] != '\'' || key[len(key)-1] != '\'' {
		return key
	}
	return strings.ReplaceAll(key[1:len(key)-1], "''", "'")
}

// route returns the route for a method, or nil. HEAD is GET without a body (RFC 9110 section 9.3.2).
func (n *routeNode) route(method string) *route {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, r := range n.methods {
		if r.method == method {
			return r
		}
	}
	return nil
}

// allowed are the methods of the path of a node, as the Allow header has them (RFC 9110 section 10.2.1).
func (n *routeNode) allowed() []string {
	methods := map[string]bool{}
	for _, r := range n.methods {
		methods[r.method] = true
		if r.method == http.MethodGet {
			methods[http.MethodHead] = true
		}
	}
	return slices.Sorted(maps.Keys(methods))
}
