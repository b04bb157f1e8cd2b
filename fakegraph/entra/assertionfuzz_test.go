package entra

import (
	"encoding/hex"
	"testing"
)

func FuzzAssertion(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiIsIng1dCI6IkFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQSJ9.eyJhdWQiOlsiYSIsImIiXSwiZXhwIjoxfQ.AA")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAssertion(text)
		if err != nil {
			if _, ok := err.(*entraError); !ok || a != nil {
				t.Errorf("%v, %v", a, err)
			}
			return
		}
		for _, sum := range a.thumbprints {
			if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 20 && len(raw) != 32 {
				t.Errorf("thumbprint %q", sum)
			}
		}
		if alg := a.token.Header["alg"]; alg != "RS256" && alg != "PS256" {
			t.Errorf("algorithm %v", alg)
		}
	})
}
