package timeline

import (
	"strings"

	"nacsim/sim/trace"
)

// names maps MAC addresses in lower-case colon form to the devices that use them.
type names map[string]string

// namesMax bounds the table; a live run may see any number of strangers.
const namesMax = 100_000

// learn takes the name of a device from what its supplicant says of itself.
func (n names) learn(r *trace.Record) {
	if r.Kind != "supplicant" || len(n) >= namesMax {
		return
	}
	if mac := r.Field("client"); mac != "" {
		n[mac] = r.Actor
	}
}

// of returns the device's name, or the address itself, which may also be in bare form.
func (n names) of(mac string) string {
	if name, ok := n[mac]; ok {
		return name
	}
	if len(mac) == 12 && !strings.Contains(mac, ":") {
		colons := mac[0:2] + ":" + mac[2:4] + ":" + mac[4:6] + ":" + mac[6:8] + ":" + mac[8:10] + ":" + mac[10:12]
		if name, ok := n[colons]; ok {
			return name
		}
		return colons
	}
	return mac
}
