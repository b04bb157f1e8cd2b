package entra_test

import (
	"net/http"
	"testing"

	"nacsim/fakegraph/fakegraphtest"
)

// BenchmarkToken prints tokens per second: for the app itself, which are handed out again for a while, and for users, each of which is
// signed.
func BenchmarkToken(b *testing.B) {
	for name, body := range map[string]string{"app": fakegraphtest.TokenForm().Encode(), "user": ropc("anna@contoso.example", "anna-pw").Encode()} {
		b.Run(name, func(b *testing.B) {
			s, _ := fakegraphtest.New(b, tenant())
			for b.Loop() {
				if w := fakegraphtest.Post(s, fakegraphtest.TokenURL, fakegraphtest.FormType, body, nil); w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
