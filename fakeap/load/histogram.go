package load

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are at most 1/64 as wide as they are long, so that percentiles are right
// to 1.6 percent, in little memory and a few nanoseconds.
type histogram struct {
	buckets [58 * subBuckets]uint64
	count   uint64
	sum     time.Duration
	max     time.Duration
}

const (
	subBits    = 6
	subBuckets = 1 << subBits
)

// bucket is the number of the bucket of a value: linear below subBuckets, then subBuckets for each power of two.
func bucket(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return shift*subBuckets + int(v>>shift)
}

// upper is the highest value in a bucket.
func upper(b int) uint64 {
	if b < 2*subBuckets {
		return uint64(b)
	}
	shift := b/subBuckets - 1
	return uint64(b-shift*subBuckets+1)<<shift - 1
}

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.buckets[bucket(uint64(d))]++
	h.count++
	h.sum += d
	h.max = max(h.max, d)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range &o.buckets {
		h.buckets[i] += n
	}
	h.count += o.count
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// percentile is the duration that p percent do not exceed; 0 of none.
func (h *histogram) percentile(p float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	rank := max(uint64(p/100*float64(h.count)+0.999999), 1)
	for i, n := range &h.buckets {
		if n >= rank {
			return min(time.Duration(upper(i)), h.max)
		}
		rank -= n
	}
	return h.max
}

func (h *histogram) mean() time.Duration {
	if h.count == 0 {
		return 0
	}
	return h.sum / time.Duration(h.count)
}
