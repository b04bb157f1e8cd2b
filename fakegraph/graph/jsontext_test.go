package graph

import (
	"encoding/json"
	"testing"
	"time"
)

func TestJSONText(t *testing.T) {
	for _, s := range []string{"", "LAPTOP-1", `a"b\c`, "Söhne", "\x00\x1f\n", "</script>", "\u2028", "\xff"} {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got, wanted string
		if err := json.Unmarshal(appendJSONString(nil, s), &got); err != nil || json.Unmarshal(want, &wanted) != nil || got != wanted {
			t.Errorf("%q became %q, %v", s, appendJSONString(nil, s), err)
		}
	}
	for _, at := range []time.Time{{}, time.Date(2026, 1, 5, 8, 0, 0, 999, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2024, 2, 29, 23, 5, 9, 0, time.FixedZone("", 3600))} {
		if got, want := string(appendJSONTime(nil, at)), at.UTC().Format(`"2006-01-02T15:04:05Z"`); got != want {
			t.Errorf("%v became %s, want %s", at, got, want)
		}
	}
}
