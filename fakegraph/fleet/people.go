package fleet

import (
	"fmt"
	"strings"

	"nacsim/fakegraph/directory"
)

var givenNames = []string{
	"Anna", "Ben", "Clara", "David", "Elena", "Felix", "Greta", "Hannah", "Igor", "Julia", "Karim", "Laura", "Mia", "Noah", "Olga", "Paul", "Quentin", "Rosa", "Samuel",
	"Tara", "Uwe", "Vera", "Wei", "Xenia", "Yusuf", "Zoe", "Aisha", "Björn", "Chiara", "Dmitri", "Emma", "François", "Giulia", "Hans", "Ines", "José", "Katarzyna", "Liam",
}

var surnames = []string{
	"Ackermann", "Bauer", "Costa", "Dubois", "Eriksson", "Fischer", "García", "Huber", "Ivanova", "Jansen", "Keller", "Lopez", "Müller", "Novak", "O'Brien", "Petrov", "Quinn",
	"Rossi", "Schmidt", "Tanaka", "Ulrich", "Vogel", "Wagner", "Xu", "Yilmaz", "Zimmermann", "Becker", "Hoffmann", "Klein", "Lang", "Martin", "Nguyen", "Olsen", "Park", "Richter",
}

// plain is how names are written in user principal names.
var plain = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "ç", "c", "é", "e", "í", "i", "'", "")

// users makes up n people. Those of the same name are told apart by a number.
func (m *maker) users(n int) []directory.User {
	users := make([]directory.User, n)
	seen := make(map[string]int, n)
	for i := range users {
		given, surname := pick(m, givenNames), pick(m, surnames)
		alias := plain.Replace(strings.ToLower(given + "." + surname))
		if seen[alias]++; seen[alias] > 1 {
			alias = fmt.Sprintf("%s%d", alias, seen[alias])
		}
		users[i] = directory.User{UPN: alias + "@" + m.Domain, DisplayName: given + " " + surname, GivenName: given, Surname: surname}
	}
	return users
}
