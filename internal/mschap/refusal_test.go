package mschap

import "testing"

func TestRefusal(t *testing.T) {
	r := Refusal{Code: AuthenticationFailure, Version: 3, Challenge: [16]byte{0xab, 15: 0xcd}, Message: "Authentication failed"}
	const wire = "E=691 R=0 C=AB0000000000000000000000000000CD V=3 M=Authentication failed"
	if got := r.String(); got != wire {
		t.Errorf("got %q, want %q", got, wire)
	}
	if got, err := ParseRefusal(wire); err != nil || got != r {
		t.Errorf("parsed %+v, %v", got, err)
	}
	for message, want := range map[string]Refusal{
		"E=648 R=1 V=3":     {Code: PasswordExpired, Retry: true, Version: 3},
		"E=691 X=1 M=a=b c": {Code: AuthenticationFailure, Message: "a=b c"},
		"E=647":             {Code: AccountDisabled},
	} {
		if got, err := ParseRefusal(message); err != nil || got != want {
			t.Errorf("%q: %+v, %v", message, got, err)
		}
	}
	for _, message := range []string{"", "R=1", "E=x", "E=691 C=00", "E=691 C=000000000000000000000000000000zz", "E", "E=691 V="} {
		if got, err := ParseRefusal(message); err == nil {
			t.Errorf("%q: %+v", message, got)
		}
	}
}
