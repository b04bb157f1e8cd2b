package interop

import (
	"fmt"
	"strings"
)

// account is a user whom the server of the matrix knows.
type account struct {
	name, password string
	disabled       bool
	group          string
}

// users of the matrix. Names are compared without regard to case, and passwords octet by octet.
var users = []account{
	{name: "alice", password: "wonderland"},
	{name: "alice@corp.example", password: "wonderland"},
	{name: `CORP\alice`, password: "wonderland"},
	{name: "zoë", password: "Straße 東京"},
	{name: "long", password: strings.Repeat("p", 128)},
	{name: "blank", password: " s p a c e s "},
	{name: "visitor", password: "wonderland", group: "visitors"},
	{name: "carol", password: "wonderland", disabled: true},
}

// freeRADIUSUsers is the file of FreeRADIUS's module files. It has no users that are disabled.
func freeRADIUSUsers() []byte {
	var b strings.Builder
	for _, u := range users {
		if u.disabled {
			fmt.Fprintf(&b, "%q Auth-Type := Reject\n", u.name)
		} else {
			fmt.Fprintf(&b, "%s Cleartext-Password := %q\n", u.name, u.password)
		}
	}
	return []byte(b.String())
}

// nacUsers is the NAC's file of users.
func nacUsers() []byte {
	var b strings.Builder
	b.WriteString("users:\n")
	for _, u := range users {
		fmt.Fprintf(&b, "  - {name: %q, password: %q, disabled: %v", u.name, u.password, u.disabled)
		if u.group != "" {
			fmt.Fprintf(&b, ", groups: [%s]", u.group)
		}
		b.WriteString("}\n")
	}
	return []byte(b.String())
}
