package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	for _, v := range []uint64{0, 1, 63, 64, 65, 127, 128, 129, 1000, 1e6, 123456789, 1 << 40, math.MaxInt64} {
		b := bucket(v)
		high := upper(b)
		if high < v || float64(high-v) > float64(v)/subBuckets {
			t.Errorf("%d is in a bucket up to %d", v, high)
		}
		if b > 0 && upper(b-1) >= v {
			t.Errorf("%d fits the bucket below, up to %d", v, upper(b-1))
		}
	}
}

func TestPercentiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	var a, b histogram
	for range 10000 {
		d := time.Duration(math.Exp(r.NormFloat64()) * float64(time.Millisecond))
		all = append(all, d)
		if r.IntN(2) == 0 {
			a.add(d)
		} else {
			b.add(d)
		}
	}
	a.merge(&b)
	slices.Sort(all)
	for _, p := range []float64{0.01, 1, 50, 90, 99, 99.9, 100} {
		want := all[max(int(math.Ceil(p/100*float64(len(all))-1e-6))-1, 0)]
		if got := a.percentile(p); got < want || float64(got-want) > float64(want)/subBuckets {
			t.Errorf("percentile %v is %v, want %v", p, got, want)
		}
	}
	if a.max != all[len(all)-1] || a.count != 10000 || a.percentile(100) != a.max {
		t.Errorf("max %v, count %d", a.max, a.count)
	}
	if (&histogram{}).percentile(50) != 0 || (&histogram{}).mean() != 0 {
		t.Error("an empty histogram has percentiles")
	}
}
