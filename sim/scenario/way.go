package scenario

import (
	"slices"
	"strings"
)

// A rank is what kind of host it is. Hosts talk to those of the next rank.
type rank int

const (
	rankGraph rank = iota
	rankNAC
	rankNAS
	rankDevice
)

// String is what a host of the rank is called in an error.
func (r rank) String() string {
	return [...]string{"graph", "nac", "an access point or switch", "a device"}[r]
}

func (p *parser) rank(host string) rank {
	switch {
	case host == HostGraph, host == HostPKI:
		return rankGraph
	case host == HostNAC:
		return rankNAC
	case p.nas.set[host]:
		return rankNAS
	}
	return rankDevice
}

// adjacent reports whether two hosts talk to each other.
func (p *parser) adjacent(a, b string) bool {
	d := p.rank(a) - p.rank(b)
	return d == 1 || d == -1
}

// A way is one on which packets travel.
type way struct{ from, to rank }

var (
	toNAC    = way{rankNAS, rankNAC}
	fromNAC  = way{rankNAC, rankNAS}
	toNAS    = way{rankDevice, rankNAS}
	toDevice = way{rankNAS, rankDevice}
)

// ways are those of packets, by the beginning of their names; the first that fits counts.
var ways = []struct {
	prefix string
	ways   []way
}{
	{"Access-Request", []way{toNAC}},
	{"Access-", []way{fromNAC}},
	{"Accounting-Request", []way{toNAC}},
	{"Accounting-Response", []way{fromNAC}},
	{"Status-Server", []way{toNAC}},
	{"CoA-Request", []way{fromNAC}},
	{"CoA-", []way{toNAC}},
	{"Disconnect-Request", []way{fromNAC}},
	{"Disconnect-", []way{toNAC}},
	{"EAP-Start", []way{toNAC}},
	{"EAP-Response", []way{toNAS, toNAC}},
	{"EAP-", []way{fromNAC, toDevice}},
	{"EAPOL-Start", []way{toNAS}},
	{"EAPOL-Logoff", []way{toNAS}},
	{"EAPOL-", []way{toNAS, toDevice}},
	{"", []way{toNAS, toDevice}}, // 802.11
}

// waysOf returns the ways of a packet by its name, or all ways that packets take for an empty name. What goes
// between nac and graph is HTTPS, which is no packet.
func waysOf(name string) []way {
	if name == "" {
		return []way{toNAC, fromNAC, toNAS, toDevice}
	}
	for _, w := range ways {
		if strings.HasPrefix(name, w.prefix) {
			return w.ways
		}
	}
	return nil
}

// checkWay makes sure that such a packet can go from one host to the other; an empty host is any.
func (p *parser) checkWay(n *node, name, from, to string) {
	if from != "" && to != "" && !p.adjacent(from, to) {
		p.report(n.pos, n.width, "%s and %s do not talk to each other", from, to)
		return
	}
	possible := waysOf(name)
	if slices.ContainsFunc(possible, func(w way) bool {
		return (from == "" || p.rank(from) == w.from) && (to == "" || p.rank(to) == w.to)
	}) {
		return
	}
	at, asked := n, ""
	if v := n.entry("to"); v != nil {
		at, asked = v, " to "+to
	}
	if v := n.entry("from"); v != nil {
		at, asked = v, " from "+from+asked
	}
	what := "no packet"
	if name != "" {
		what = "no " + name
	}
	var list []string
	for _, w := range possible {
		list = append(list, "from "+w.from.String()+" to "+w.to.String())
	}
	p.report(at.pos, at.width, "%s goes%s; they go %s", what, asked, strings.Join(list, ", or "))
}
