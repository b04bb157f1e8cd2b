package scenario

import (
	"fmt"
	"strings"
)

// suggest returns `; did you mean "x"?` for the closest of the names when one is close, and otherwise the list of
// names if it is short enough to read, introduced by want.
func suggest(got, want string, names []string) string {
	if best := Closest(got, names); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	if len(names) == 0 {
		return ""
	}
	const most = 20
	list := names
	more := ""
	if len(list) > most {
		list, more = list[:most], ", …"
	}
	return "; " + want + " " + strings.Join(list, ", ") + more
}

// Closest returns the name within a third of the length (at least one edit, at most three) of got, or "".
func Closest(got string, names []string) string {
	if len(got) > 64 {
		return ""
	}
	best, least := "", min(3, max(1, len(got)/3))+1
	low := strings.ToLower(got)
	for _, name := range names {
		if d := distance(low, strings.ToLower(name), least); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, replacements and swaps of neighbours that turn a into b
// (optimal string alignment), or limit if it is not less.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return min(limit, last[len(b)])
}
