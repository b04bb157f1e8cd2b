package fakeap

import "testing"

func TestSupportsCoA(t *testing.T) {
	tests := []struct {
		version   string
		want, bad bool
	}{
		{"0.14", true, false},
		{"0.14.0", true, false},
		{"0.14.29411", true, false},
		{"0.15", true, false},
		{"1", true, false},
		{"1.0.1", true, false},
		{"0.9.99999", false, false}, // numbers, not text
		{"0.12.27139", false, false},
		{"0", false, false},
		{"0.013.5", false, false},
		{"", false, true},
		{"0.", false, true},
		{"v0.14", false, true},
		{"0.-14", false, true},
		{"0.14-beta", false, true},
		{"0.99999999999", false, true},
	}
	for _, tt := range tests {
		got, err := SupportsCoA(tt.version)
		if (err != nil) != tt.bad || got != tt.want {
			t.Errorf("SupportsCoA(%q) = %v, %v, want %v, error %v", tt.version, got, err, tt.want, tt.bad)
		}
	}
}
