package scenario

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// durationPattern is what a duration looks like, for the schema and the parser.
const durationPattern = `^-?([0-9]+(\.[0-9]+)?(d|h|ms|m|s|us|ns))+$`

var durationForm = regexp.MustCompile(durationPattern)

// maxDuration bounds every duration of a file, far below what overflows.
const maxDuration = 100 * 366 * 24 * time.Hour

var (
	errForm  = errors.New("not a duration")
	errLong  = errors.New("longer than 100 years")
	errOrder = errors.New("in disorder: units go from the largest to the smallest")
)

// ParseDuration reads a duration as scenarios write it: numbers with units from the largest to the smallest, as
// in "8h", "1h30m", "2d" or "-1h". The units are d, h, m, s, ms, us and ns; a day is 24 hours.
func ParseDuration(s string) (time.Duration, error) {
	if !durationForm.MatchString(s) || len(s) > 64 {
		return 0, errForm
	}
	rest, negative := strings.CutPrefix(s, "-")
	days, tail, found := strings.Cut(rest, "d")
	var total time.Duration
	if found {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil {
			return 0, errOrder
		}
		if n > maxDuration.Hours()/24 {
			return 0, errLong
		}
		total = time.Duration(n * float64(24*time.Hour))
	} else {
		tail = rest
	}
	if tail != "" {
		d, err := time.ParseDuration(tail)
		if err != nil {
			return 0, errOrder
		}
		total += d
	}
	if total > maxDuration || total < 0 {
		return 0, errLong
	}
	if negative {
		total = -total
	}
	return total, nil
}

// FormatDuration writes a duration as a scenario does: "8h", "1h30m", "2d", "0s".
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	if d < 0 {
		b.WriteByte('-')
		d = -d
	}
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if n := d / unit.length; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			d -= n * unit.length
		}
	}
	if d > 0 {
		b.WriteString(d.String())
	}
	return b.String()
}
