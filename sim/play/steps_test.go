package play

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// An expectation that waits does not carry a run beyond max_duration.
func TestMaxDurationStopsAnExpectation(t *testing.T) {
	connect := "  - connect: {device: laptop-1, to: ap-1}\n"
	for name, steps := range map[string]string{
		"that waits to become true": "  - expect: {client: laptop-1, state: authorized}\n    within: 900d\n",
		"that became true late and must stay so": "  - connect: {device: laptop-1, to: ap-1}\n    after: 1s\n" +
			"  - expect: {client: laptop-1, vlan: 750, state: authorized}\n    within: 1h\n    for: 29d23h59m59s\n",
	} {
		f := fleet(t, 1, "1.3", steps)
		r, err := Run(f, Options{})
		var input *InputError
		if !errors.As(err, &input) || !strings.Contains(err.Error(), "still waits at max_duration 720h0m0s") {
			t.Errorf("an expectation %s: %+v, %v", name, r, err)
		}
	}
	f := fleet(t, 1, "1.3", connect+"  - expect: {client: laptop-1, vlan: 750, state: authorized}\n    within: 900d\n")
	if r, err := Run(f, Options{}); err != nil || r.Failure != nil || r.Lasted > time.Minute {
		t.Errorf("one that is met in time: %+v, %v", r, err)
	}
}
