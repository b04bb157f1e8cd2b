package mdm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// An index tells what a map of devices tells, whatever is read, listed and dropped in between.
func TestIndexIsLikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x index
		model := map[deviceID]fetched{}
		draw := func() fetched {
			n := rapid.IntRange(0, 20).Draw(t, "device")
			f := fetched{Record: Record{ID: numberedID(n), DeviceName: fmt.Sprint("D", rapid.IntRange(0, 5).Draw(t, "name")), FetchedAt: start}}
			if rapid.Bool().Draw(t, "entra") {
				f.AzureADDeviceID = entraID(rapid.IntRange(1, 5).Draw(t, "entra id"))
			}
			f.WiFiMAC = drawMAC(t)
			if f.ethernetKnown = rapid.Bool().Draw(t, "single"); f.ethernetKnown {
				f.EthernetMAC = drawMAC(t)
			}
			return f
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				f := draw()
				x.add(&f)
				if !f.ethernetKnown {
					f.EthernetMAC = model[parseID(f.ID)].EthernetMAC
				}
				model[parseID(f.ID)] = f
			case 1:
				id := numberedID(rapid.IntRange(0, 20).Draw(t, "gone"))
				x.drop(id)
				delete(model, parseID(id))
			case 2:
				var list []indexed
				next := map[deviceID]fetched{}
				for range rapid.IntRange(0, 10).Draw(t, "listed") {
					f := draw()
					f.ethernetKnown, f.EthernetMAC = false, ""
					var d indexed
					d.set(&f)
					list = append(list, d)
					f.EthernetMAC = model[parseID(f.ID)].EthernetMAC
					next[parseID(f.ID)] = f
				}
				x.replace(newTable(list), start)
				model = next
			}
			if len(x.changed) > 5 && rapid.Bool().Draw(t, "fold") {
				x.fold()
			}
			compareIndex(t, &x, model)
		}
	})
}

func drawMAC(t *rapid.T) string {
	if n := rapid.IntRange(0, 4).Draw(t, "mac"); n > 0 {
		return fmt.Sprintf("001CB300000%d", n)
	}
	return ""
}

func compareIndex(t *rapid.T, x *index, model map[deviceID]fetched) {
	check := func(what string, got []string, has func(*fetched) bool) {
		var want []string
		for id, f := range model {
			if has(&f) {
				want = append(want, id.String())
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	for n := range 6 {
		mac, name, entra := fmt.Sprintf("001CB300000%d", n), fmt.Sprint("d", n), entraID(n)
		check(mac, x.byMAC(parseMAC(mac)), func(f *fetched) bool { return f.WiFiMAC == mac || f.EthernetMAC == mac })
		check(name, x.byName(name), func(f *fetched) bool { return strings.EqualFold(f.DeviceName, name) })
		check(entra, x.byEntra(parseID(entra)), func(f *fetched) bool { return f.AzureADDeviceID == entra })
	}
	if got := x.byMAC(macAddress{}); got != nil {
		t.Fatalf("no address: %v", got)
	}
}

// Names are the same in any case, in any script; of others the hashes differ.
func TestHashOfNames(t *testing.T) {
	for _, same := range [][2]string{{"LAPTOP-1", "laptop-1"}, {"НОУТБУК", "ноутбук"}, {"Müller", "MÜLLER"}} {
		if hashName(same[0]) != hashName([]byte(same[1])) {
			t.Errorf("%s and %s", same[0], same[1])
		}
	}
	if hashName("A") == hashName("B") || hashName("") != 0 || hash(deviceID{}) != 0 || hash(parseID(entraID(1))) == 0 {
		t.Error("hashes")
	}
}

// Devices without an Ethernet address that was read come before those of which it is old; those that have gone do not.
func TestUnread(t *testing.T) {
	var x index
	for i := range 5 {
		x.add(&fetched{Record: Record{ID: numberedID(i + 1), FetchedAt: start.Add(time.Duration(i) * time.Hour)}, ethernetKnown: i > 1})
	}
	x.drop(numberedID(2))
	if got := x.unread(start.Add(4*time.Hour), 10); !slices.Equal(got, []string{numberedID(1), numberedID(3), numberedID(4)}) {
		t.Errorf("%v", got)
	}
	x.fold()
	if got := x.unread(start.Add(5*time.Hour), 2); !slices.Equal(got, []string{numberedID(1), numberedID(3)}) {
		t.Errorf("%v", got)
	}
}

// What is read one by one goes into the table before it is too much to look through.
func TestIndexFolds(t *testing.T) {
	var x index
	for i := range 3000 {
		x.add(&fetched{Record: Record{ID: numberedID(i + 1), WiFiMAC: fmt.Sprintf("001CB300%04d", i)}})
	}
	if len(x.changed) > x.maxChanged() || len(x.byMAC(parseMAC("001CB3000017"))) != 1 {
		t.Errorf("%d beside the table", len(x.changed))
	}
}
