// Package decode reads what the network carried and says in the field's terms what it is: RADIUS with its
// attributes, EAP and the TLS messages visible in it, EAPOL, EAPOL-Key, IEEE 802.11 management frames.
//
// It is an observer. It shares no code with the programs that made the packets except the attribute names of
// internal/radius, keeps no state between packets, and never fails: what it cannot read it reports in the
// field "malformed", with the reason.
//
// # Fields
//
// link, proto, name, summary, from and to (machines), src and dst (addresses), len are always there; the
// others where they apply: client (the supplicant's MAC address); tls_protected (true for a packet inside of
// a TLS connection); code, id, padding, vlan and attributes (an
// object) of RADIUS; eap, eap_id, identity, wanted, tls, tls_length, tls_version and tls_alert of EAP;
// key_message and replay_counter of EAPOL-Key; vlan_tag of Ethernet; bssid, ssid, reason, status and
// auth_sequence of 802.11; malformed, fate, note.
package decode

import (
	"log/slog"
	"net/netip"
	"strconv"
	"strings"

	"nacsim/internal/host"
	"nacsim/internal/radius"
)

// Protocol names in the field "proto": the innermost protocol that carries the packet's meaning.
const (
	protoRADIUS   = "RADIUS"
	protoEAPOL    = "EAPOL"
	protoDot11    = "802.11"
	protoEthernet = "Ethernet"
	protoUDP      = "UDP"
)

// decoded is what there is to say about one packet.
type decoded struct {
	proto      string
	name       string // the packet's own name: "Access-Request", "EAPOL-Start", "EAPOL-Key 1/4"
	identifier string // what follows the name in the summary: " id 7"
	eap        string // the EAP packet inside: "EAP-Request/Identity"
	src, dst   string
	client     string
	detail     string // what follows the names in the summary
	malformed  string
	room       *room
	// wantFields is unset when only the names are asked for.
	wantFields bool
}

func (d *decoded) add(a slog.Attr) {
	if d.wantFields {
		d.room.fields = append(d.room.fields, a)
	}
}

// leadingFields is how many fields are always there.
const leadingFields = 9

// trailingFields is how many there can be besides and those that the decoders add: client, tls_protected, malformed,
// fate, note.
const trailingFields = 5

// Fields decodes a packet into the fields of its line in the trace, in the order described above.
func Fields(p Packet) []slog.Attr {
	d := decoded{wantFields: true}
	d.decode(&p)
	out := append(make([]slog.Attr, 0, leadingFields+len(d.room.fields)+trailingFields),
		slog.String("link", p.LinkName()),
		slog.String("proto", d.proto),
		slog.String("name", d.name),
		slog.String("summary", d.summary(&p)),
		slog.String("from", p.FromHost),
		slog.String("to", p.ToHost),
		slog.String("src", d.src),
		slog.String("dst", d.dst),
		slog.Int("len", len(p.Data)))
	out = appendUnlessEmpty(out, "client", d.client)
	if p.TLS {
		out = append(out, slog.Bool("tls_protected", true))
	}
	out = append(out, d.room.fields...)
	out = appendUnlessEmpty(out, "malformed", d.malformed)
	out = appendUnlessEmpty(out, "fate", p.Fate)
	out = appendUnlessEmpty(out, "note", p.Note)
	d.release()
	return out
}

func appendUnlessEmpty(out []slog.Attr, key, value string) []slog.Attr {
	if value == "" {
		return out
	}
	return append(out, slog.String(key, value))
}

// Summary is one line about the packet, for example "Access-Request id 7, EAP-Response/EAP-TLS, ClientHello".
func Summary(p Packet) string {
	d := decoded{wantFields: true}
	d.decode(&p)
	defer d.release()
	return d.summary(&p)
}

// Name is the name by which scenarios match the packet: the RADIUS code ("Access-Request", "CoA-NAK"), the
// EAPOL packet ("EAPOL-Start", "EAPOL-Key 1/4"), the 802.11 frame ("Deauthentication"), or, for EAP in EAPOL,
// the EAP packet ("EAP-Request/Identity").
func Name(p Packet) string {
	var d decoded
	d.decode(&p)
	defer d.release()
	return d.name
}

// Matches reports whether the packet goes by the given name, which is one of [MatchNames] in any case. A
// RADIUS packet also goes by the name of the EAP packet in it, an EAPOL-Key frame by "EAPOL-Key", an EAP
// packet by its code alone ("EAP-Request") and by the method's short name ("EAP-Request/TLS").
func Matches(p Packet, name string) bool {
	var d decoded
	d.decode(&p)
	defer d.release()
	return nameMatches(d.name, name) || d.eap != "" && nameMatches(d.eap, name)
}

// FieldsMatch is [Matches] for a packet of which only the fields of its trace record are at hand.
func FieldsMatch(fields []slog.Attr, name string) bool {
	for _, a := range fields {
		if (a.Key == "name" || a.Key == "eap") && nameMatches(a.Value.String(), name) {
			return true
		}
	}
	return false
}

func nameMatches(have, want string) bool {
	if strings.EqualFold(have, want) {
		return true
	}
	if key, ok := strings.CutPrefix(have, "EAPOL-Key "); ok && key != "" {
		return strings.EqualFold(want, "EAPOL-Key")
	}
	code, method, ok := strings.Cut(have, "/")
	if !ok || !strings.HasPrefix(have, "EAP-") {
		return false
	}
	if strings.EqualFold(want, code) {
		return true
	}
	wantCode, wantMethod, ok := strings.Cut(want, "/")
	return ok && strings.EqualFold(wantCode, code) && strings.EqualFold("EAP-"+wantMethod, method)
}

// MatchNames lists the names that [Matches] knows, for error messages and schemas.
func MatchNames() []string {
	names := make([]string, 0, 64)
	for _, code := range radiusCodes {
		names = append(names, radius.CodeName(code))
	}
	names = append(names, "EAP-Start", "EAP-Request", "EAP-Response", "EAP-Success", "EAP-Failure")
	for _, method := range eapTypes {
		names = append(names, "EAP-Request/"+method.name, "EAP-Response/"+method.name)
	}
	names = append(names, "EAPOL-Start", "EAPOL-Logoff", "EAPOL-Key", "EAPOL-Key 1/4", "EAPOL-Key 2/4",
		"EAPOL-Key 3/4", "EAPOL-Key 4/4", "EAPOL-Key group 1/2", "EAPOL-Key group 2/2")
	for _, m := range dot11Management {
		if m != "" {
			names = append(names, m)
		}
	}
	return names
}

func (d *decoded) decode(p *Packet) {
	d.room = rooms.Get().(*room)
	switch {
	case !p.IsFrame():
		d.src, d.dst = p.From.String(), p.To.String()
		d.datagram(p)
	case p.Medium.Kind == host.Radio:
		d.dot11(p.Data)
	default:
		d.ethernet(p.Data)
	}
}

// datagram reads the payload of a UDP datagram. RADIUS is known by its ports, and on other ports by a header
// that fits: a NAS may listen for dynamic authorization wherever it likes.
func (d *decoded) datagram(p *Packet) {
	if p.TLS || radiusPort(p.From) || radiusPort(p.To) || looksLikeRADIUS(p.Data) {
		d.radius(p.Data)
		return
	}
	d.proto, d.name = protoUDP, protoUDP
}

func radiusPort(a netip.AddrPort) bool {
	switch a.Port() {
	case 1812, 1813, 1645, 1646, 3799:
		return true
	}
	return false
}

// summary puts the names and the details in one line.
func (d *decoded) summary(p *Packet) string {
	var b strings.Builder
	b.Grow(96)
	b.WriteString(d.name)
	b.WriteString(d.identifier)
	if d.eap != "" && d.eap != d.name {
		b.WriteString(", ")
		b.WriteString(d.eap)
	}
	if d.detail != "" {
		b.WriteString(", ")
		b.WriteString(d.detail)
	}
	if d.malformed != "" {
		b.WriteString(" [malformed: ")
		b.WriteString(d.malformed)
		b.WriteByte(']')
	}
	if p.Fate != "" {
		b.WriteString(" [")
		b.WriteString(p.Fate)
		b.WriteByte(']')
	}
	return b.String()
}

// addDetail appends to what follows the names in the summary.
func (d *decoded) addDetail(s string) {
	if !d.wantFields || s == "" {
		return
	}
	if d.detail != "" {
		d.detail += ", "
	}
	d.detail += s
}

// quoteUnlessPlain makes a name that a stranger chose safe for a terminal.
func quoteUnlessPlain(b []byte) string {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return strconv.QuoteToASCII(string(b))
		}
	}
	return string(b)
}
