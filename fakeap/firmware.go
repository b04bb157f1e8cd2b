package fakeap

import (
	"fmt"
	"strconv"
	"strings"
)

// CoAFirmware is the lowest access point firmware that takes part in posture CoA: "firmware version 0.14 or later"
// of the Juniper Mist guide to the Intune integration.
const CoAFirmware = "0.14"

// SupportsCoA reports whether a firmware version is at least CoAFirmware. Versions are numbers separated by dots
// and are compared number by number: 0.9 is below 0.14, and 0.14 equals 0.14.0.
func SupportsCoA(version string) (bool, error) {
	have, err := parseVersion(version)
	if err != nil {
		return false, err
	}
	least, err := parseVersion(CoAFirmware)
	if err != nil {
		return false, err
	}
	for i := range max(len(have), len(least)) {
		if h, l := numberAt(have, i), numberAt(least, i); h != l {
			return h > l, nil
		}
	}
	return true, nil
}

func numberAt(v []uint64, i int) uint64 {
	if i < len(v) {
		return v[i]
	}
	return 0
}

func parseVersion(s string) ([]uint64, error) {
	if len(s) > 64 {
		return nil, fmt.Errorf("fakeap: firmware version of %d octets", len(s))
	}
	var v []uint64
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("fakeap: firmware version %q is not numbers separated by dots, as in %q", s, "0.14.29411")
		}
		v = append(v, n)
	}
	return v, nil
}
