package nac

import (
	"testing"

	"nacsim/nac/radiusd"
)

func BenchmarkAuthorizeMAB(b *testing.B) {
	n := newBench(b)
	n.m.quiet = true
	q := request("10.0.1.1", laptopMAC, "A1")
	b.ReportAllocs()
	for b.Loop() {
		v := n.n.Authorize(radiusd.Access{Request: q, Identity: laptopMAC, Method: "mab", Inner: "pap"})
		if err := v.Sent(); err != nil {
			b.Fatal(err)
		}
	}
}
