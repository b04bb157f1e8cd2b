package scenario

// An Expect is something that must be true, or must have happened. It has one of two forms.
//
// The form of a state has a Client and no Record: each of VLAN, State, Rule, Role, Compliance, NAS and Port that
// is set must hold of that client now.
//
// The form of a record has a Record: the trace must contain a record of that kind for which Value and each of the
// other fields that is set hold; which field of the record each means is in [RecordKind]. Records since the last step that is not an expectation count, or with
// SinceStart all records of the run.
type Expect struct {
	Pos

	// Client is a device, or empty.
	Client string

	// VLAN is the VLAN in force ("750"), or in the record.
	VLAN string
	// State is the client's state, one of the constants State…; only in the form of a state.
	State string
	// Rule is the policy rule that decided.
	Rule string
	// Role is the role in force (Filter-Id), or in the record.
	Role string
	// Compliance is the complianceState that the NAC knows of, in Graph's words ("compliant", "noncompliant",
	// …), or "none" when it knows nothing of the device.
	Compliance string
	// NAS is the access point or switch, and Port the switch port or 0.
	NAS  string
	Port int

	// Record is the kind of the record, or empty in the form of a state. Event, packet, decision and so on in
	// the file are short for it.
	Record string
	// Value is what the record's principal field must be: the type of an event, the name of a packet, the result of a
	// decision, lookup, coa, das or poll, the complianceState of a check_in, the state of a session. Empty means any.
	Value string
	// Key is by what a lookup looked for the device: "mac", "cn", "san_dns" or "san_uri".
	Key string
	// From and To are the hosts that a packet travelled between.
	From string
	To   string
	// Where are further fields of the record.
	Where []Field

	// Count is the exact number of matching records, or nil. AtLeast is the least number; it is 1 unless
	// Count or AtMost is set or the file says otherwise. AtMost is the largest, or nil.
	Count   *int
	AtLeast int
	AtMost  *int

	// Not negates: the state must not hold, or no record may match (during [Step].For).
	Not bool

	// SinceStart makes all records of the run count. It is set for Since: start and, when the file does not say,
	// for a Count or AtMost.
	SinceStart bool
}

// Values of [Expect].State.
const (
	// StateAuthorized is a client whose port is open.
	StateAuthorized = "authorized"
	// StateUnauthorized is a client that is connected, but whose port is not open.
	StateUnauthorized = "unauthorized"
	// StateRejected is a client whose last authentication ended in Access-Reject.
	StateRejected = "rejected"
	// StateDisconnected is a client that is not connected.
	StateDisconnected = "disconnected"
)

// A Field is a field of a record and the value it must have. A dot in Name leads into a group, and each * in Value
// stands for any text.
type Field struct {
	Pos
	Name  string
	Value string
}

// Match reports whether a field's value, printed as in the trace, is the one wanted.
func (f Field) Match(got string) bool { return glob(f.Value, got) }

// glob matches s against a pattern in which * stands for any text. It takes time proportional to the product of the
// lengths at worst, without recursion.
func glob(pattern, s string) bool {
	var p, i int
	star, mark := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
