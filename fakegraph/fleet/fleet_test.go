package fleet

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"nacsim/fakegraph/intune"
	"nacsim/internal/host/testhost"
)

func TestSameSeedSameFleet(t *testing.T) {
	o := Usual(testhost.Start)
	a, b := Generate(7, 500, o), Generate(7, 500, o)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gives another fleet")
	}
	if reflect.DeepEqual(a, Generate(8, 500, o)) {
		t.Error("another seed gives the same fleet")
	}
}

// A fleet has what was ordered, roughly, and Intune takes all of it.
func TestFleet(t *testing.T) {
	const n = 5000
	o := Usual(testhost.Start)
	f := Generate(1, n, o)
	if len(f.Devices) != n {
		t.Fatalf("%d devices, want %d", len(f.Devices), n)
	}
	wifi, names, ethernet, systems := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	twins, zero := 0, 0
	for _, d := range f.Devices {
		systems[d.OperatingSystem]++
		names[d.Name]++
		switch {
		case strings.Contains(d.Label, "~"):
			twins++
			continue
		case d.WiFiMAC != "":
			wifi[d.WiFiMAC]++
		}
		if d.EthernetMAC != "" {
			ethernet[d.EthernetMAC]++
		}
		if strings.HasPrefix(d.AzureADDeviceID, "00000000") {
			zero++
		}
		if d.WiFiMAC != "" && strings.ContainsAny(d.WiFiMAC[1:2], "13579BDF26AE") {
			t.Errorf("%s is not a universally administered unicast address", d.WiFiMAC)
		}
	}
	shared, common := 0, 0
	for mac, times := range wifi { // order-free: counted
		if times > 1 {
			t.Errorf("%d devices have the Wi-Fi address %s", times, mac)
		}
	}
	for _, times := range ethernet {
		if times > 1 {
			shared += times
		}
	}
	for _, times := range names {
		if times > 1 {
			common += times
		}
	}
	within := func(what string, got int, share, slack float64) {
		t.Helper()
		if want := share * n; float64(got) < want*(1-slack) || float64(got) > want*(1+slack) {
			t.Errorf("%d %s, want about %.0f", got, what, want)
		}
	}
	within("Windows devices", systems["Windows"], 0.60, 0.1)
	within("iPhones", systems["iOS"], 0.18, 0.15)
	within("twins", twins, o.Twins, 0.4)
	within("devices without a Wi-Fi address", n-twins-len(wifi), o.NoMAC, 0.4)
	within("devices at docks", shared, 0.6*o.Docked, 0.4)
	if zero == 0 || common < n/10 {
		t.Errorf("%d Entra IDs are zero, %d devices have a name in common", zero, common)
	}
}

func TestPoliciesFitTheFleet(t *testing.T) {
	o := Usual(testhost.Start)
	o.Idle, o.Lost, o.Twins = 0, 0, 0
	count := func(f *Fleet) map[string]int {
		s, err := intune.Open(testhost.New(t).Machine("graph", "10.0.0.2"), intune.Config{Devices: f.Devices, Policies: Policies()})
		if err != nil {
			t.Fatal(err)
		}
		states := map[string]int{}
		s.List(intune.ViewList, intune.Place{}, "", func(d *intune.Device) bool { states[d.ComplianceState]++; return true })
		return states
	}
	healthy := o
	healthy.Unhealthy = 0
	if got := count(Generate(1, 1000, healthy)); got[intune.StateCompliant] != 1000 {
		t.Errorf("healthy devices are %v", got)
	}
	o.Unhealthy = 1
	if got := count(Generate(1, 1000, o)); got[intune.StateCompliant] != 0 {
		t.Errorf("unhealthy devices are %v", got)
	}
}

// The check digit of the example of 3GPP TS 23.003 annex B is not in the text; this number is that of the GSMA's guidelines.
func TestIMEI(t *testing.T) {
	f := Generate(1, 200, Options{Now: testhost.Start, Mix: Mix{IOS: 1}})
	for _, d := range f.Devices {
		sum := 0
		for i := range d.IMEI { // from the right, every second digit is doubled
			n := int(d.IMEI[len(d.IMEI)-1-i] - '0')
			if i%2 == 1 {
				n *= 2
			}
			sum += n/10 + n%10
		}
		if len(d.IMEI) != 15 || sum%10 != 0 {
			t.Fatalf("IMEI %s has a wrong check digit", d.IMEI)
		}
	}
}

// BenchmarkStart is the start of a tenant with a hundred thousand devices: making them up, enrolling, and finding them again.
func BenchmarkStart(b *testing.B) {
	const n = 100_000
	b.Run("generate", func(b *testing.B) {
		for b.Loop() {
			Generate(1, n, Usual(testhost.Start))
		}
	})
	f := Generate(1, n, Usual(testhost.Start))
	for i := range f.Devices {
		f.Devices[i].Quiet = false // so that check-ins can be counted
	}
	h := testhost.New(b).Machine("graph", "10.0.0.2")
	b.Run("enrol", func(b *testing.B) {
		var before, after runtime.MemStats
		for b.Loop() {
			h = testhost.New(b).Machine("graph", "10.0.0.2")
			runtime.GC()
			runtime.ReadMemStats(&before)
			s, err := intune.Open(h, intune.Config{Devices: f.Devices, Policies: Policies()})
			if err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/device")
			s.Close()
		}
	})
	b.Run("restart", func(b *testing.B) {
		for b.Loop() {
			h = h.Restart()
			s, err := intune.Open(h, intune.Config{Policies: Policies()})
			if err != nil || s.Count(intune.ViewList) != n {
				b.Fatal(err)
			}
			s.Close()
		}
	})
	b.Run("check-ins", func(b *testing.B) {
		h = h.Restart()
		s, err := intune.Open(h, intune.Config{Policies: Policies()})
		if err != nil {
			b.Fatal(err)
		}
		checkIns := 0
		for b.Loop() {
			h.Lines = nil
			h.Advance(time.Hour)
			checkIns += len(h.Lines)
		}
		b.ReportMetric(float64(checkIns)/b.Elapsed().Seconds(), "check-ins/s")
		s.Close()
	})
}
