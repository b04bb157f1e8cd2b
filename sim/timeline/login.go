package timeline

import (
	"strings"

	"nacsim/sim/trace"
)

// A login is one EAP conversation, put together from its RADIUS packets so that it takes one line.
type login struct {
	nas        string
	method     string // "EAP-TLS"
	version    string // "TLS 1.3"
	alert      string
	rounds     int
	identifier string // RADIUS Identifier of the last Challenge: a repeated one is a retransmission
}

// logins are the conversations in progress, by client and by the NAS socket they come from.
type logins struct {
	byClient map[string]*login
	bySocket map[string]string
}

// loginsMax bounds both tables; beyond it they start afresh.
const loginsMax = 10_000

func newLogins() logins {
	return logins{byClient: map[string]*login{}, bySocket: map[string]string{}}
}

// login follows EAP conversations, and returns the line about one that has just ended.
func (t *Timeline) login(r *trace.Record) (line, bool) {
	if r.Kind == trace.KindPacket && r.Field("proto") == "RADIUS" {
		return t.logins.packet(t.names, r)
	}
	return line{}, false
}

func (l *logins) packet(n names, r *trace.Record) (line, bool) {
	switch r.Field("name") {
	case "Access-Request":
		l.request(r)
	case "Access-Challenge":
		if in := l.byClient[l.bySocket[r.Field("dst")]]; in != nil {
			in.challenge(r)
		}
	case "Access-Accept", "Access-Reject":
		socket := r.Field("dst")
		client := l.bySocket[socket]
		delete(l.bySocket, socket)
		return l.finish(n, r, client)
	}
	return line{}, false
}

func (l *logins) request(r *trace.Record) {
	client, eap := r.Field("client"), r.Field("eap")
	if client == "" || eap == "" {
		return
	}
	if len(l.byClient) >= loginsMax || len(l.bySocket) >= loginsMax {
		*l = newLogins()
	}
	in := l.byClient[client]
	if in == nil || eap == "EAP-Response/Identity" && in.rounds > 0 {
		in = &login{}
		l.byClient[client] = in
	}
	in.nas = r.Actor
	l.bySocket[r.Field("src")] = client
	if _, method, ok := strings.Cut(eap, "/"); ok && method != "Identity" && method != "Legacy-Nak" {
		in.method = method
	}
	if alert := r.Field("tls_alert"); alert != "" {
		in.alert = alert
	}
}

func (in *login) challenge(r *trace.Record) {
	if id := r.Field("id"); id != in.identifier {
		in.identifier = id
		in.rounds++
	}
	if v := r.Field("tls_version"); v != "" {
		in.version = v
	}
	if alert := r.Field("tls_alert"); alert != "" {
		in.alert = alert
	}
}

// finish forgets the conversation and puts it into words; there is nothing to say of one without EAP.
func (l *logins) finish(n names, r *trace.Record, client string) (line, bool) {
	in := l.byClient[client]
	delete(l.byClient, client)
	if in == nil || in.method == "" {
		return line{}, false
	}
	how, look := "succeeds", plain
	if r.Field("name") == "Access-Reject" {
		how, look = "fails", bad
	}
	text := in.method + " over " + in.nas + " " + how + ": " + join(", ", in.version, plural(in.rounds+1, "round trip", "round trips"))
	if in.alert != "" {
		text += ", alert " + in.alert
	}
	return line{at: r.At, actor: n.of(client), text: text, look: look}, true
}
