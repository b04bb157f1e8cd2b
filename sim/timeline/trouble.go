package timeline

import (
	"regexp"
	"slices"
)

// trouble knows the failures of which some kinds take turns while their cause lasts, as when a day without a client secret has
// hundreds of refused tokens and failed polls. Each is shown once, until the scenario goes on or a poll succeeds.
type trouble struct {
	shown   []string
	counted int // those not printed since the last line
}

// maxShown bounds the failures that are remembered.
const maxShown = 16

// differs is what is different in a failure each time: when something is tried again, and what Microsoft calls the request.
var differs = regexp.MustCompile(` before [0-9:]+| \(request [0-9a-f-]+\)| Trace ID: .*| Activity ID: .*`)

// again reports whether a failure has been shown, and counts it.
func (t *trouble) again(l *line) bool {
	key := l.actor + " " + differs.ReplaceAllString(l.text, "")
	if slices.Contains(t.shown, key) {
		t.counted++
		return true
	}
	if len(t.shown) < maxShown {
		t.shown = append(t.shown, key)
	}
	return false
}
