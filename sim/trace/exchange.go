package trace

import (
	"log/slog"
	"net/netip"
	"slices"

	"nacsim/sim/decode"

	lr "layeh.com/radius"
)

// exchanges remembers whom the requests of RADIUS are about. An answer names no client; it belongs to the request
// with the same identifier between the same sockets (RFC 2865 section 3).
type exchanges struct {
	// The requests, and those before them: when there are too many, the older half is forgotten.
	recent, older map[exchange]string
}

type exchange struct {
	client, server netip.AddrPort
	identifier     byte
}

// exchangesMax is how many requests are remembered at least.
const exchangesMax = 4096

// complete returns the fields of a packet with the client of the request that it answers.
func (x *exchanges) complete(p *decode.Packet, fields []slog.Attr) []slog.Attr {
	if p.IsFrame() || len(p.Data) < 2 || text(fields, "proto") != "RADIUS" {
		return fields
	}
	switch lr.Code(p.Data[0]) {
	case lr.CodeAccessRequest, lr.CodeAccountingRequest, lr.CodeDisconnectRequest, lr.CodeCoARequest:
		x.remember(exchange{p.From, p.To, p.Data[1]}, text(fields, "client"))
	case lr.CodeAccessAccept, lr.CodeAccessReject, lr.CodeAccessChallenge, lr.CodeAccountingResponse,
		lr.CodeDisconnectACK, lr.CodeDisconnectNAK, lr.CodeCoAACK, lr.CodeCoANAK:
		client := x.lookUp(exchange{p.To, p.From, p.Data[1]})
		if client == "" || text(fields, "client") != "" {
			return fields
		}
		after := 1 + slices.IndexFunc(fields, func(a slog.Attr) bool { return a.Key == "len" })
		return slices.Insert(fields, after, slog.String("client", client))
	}
	return fields
}

// remember notes the client of a request, which is empty for one that is about none.
func (x *exchanges) remember(e exchange, client string) {
	if len(x.recent) >= exchangesMax {
		x.older, x.recent = x.recent, nil
	}
	if x.recent == nil {
		x.recent = make(map[exchange]string)
	}
	x.recent[e] = client
}

func (x *exchanges) lookUp(e exchange) string {
	if client, ok := x.recent[e]; ok {
		return client
	}
	return x.older[e]
}

// text is the value of a field that is a string, or empty.
func text(fields []slog.Attr, key string) string {
	for i := range fields {
		if fields[i].Key == key && fields[i].Value.Kind() == slog.KindString {
			return fields[i].Value.String()
		}
	}
	return ""
}
