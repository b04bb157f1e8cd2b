package play

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nacsim/sim/scenario"
)

// The same file in both worlds must come to the same end; in the live one everything runs in parallel, so this
// is also what the race detector is for.
func TestLiveOnboarding(t *testing.T) {
	for _, name := range []string{"onboarding-wireless", "onboarding-wired", "radsec-policy-change"} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			f, err := scenario.Parse("../../scenarios/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			r, err := Run(f.Hurry(2*time.Second), Options{Live: true, Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			if r.Failure != nil {
				t.Error(r.Failure)
			}
		})
	}
}

func TestBindRefusesUnknownMachines(t *testing.T) {
	f, err := scenario.Parse("../../scenarios/onboarding-wireless.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(f, Options{Live: true, Bind: map[Socket]netip.AddrPort{{Host: "laptop-1", Port: 1812}: netip.MustParseAddrPort("127.0.0.1:0")}})
	if input := (*InputError)(nil); !errors.As(err, &input) {
		t.Errorf("binding a socket of a device without an IP address returned %v, want an InputError", err)
	}
}
