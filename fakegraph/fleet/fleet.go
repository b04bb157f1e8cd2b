// Package fleet makes up the devices and users of a tenant: names, MAC addresses, serial numbers, models and versions as they
// are met in the wild, and what is wrong with some of them. The same seed and options give the same fleet.
//
// Statements of fact refer to facts: graph-and-entra.
package fleet

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"nacsim/fakegraph/directory"
	"nacsim/fakegraph/intune"
	"nacsim/internal/guid"
)

// Options say what a fleet is like. Shares are from 0 to 1. The zero value is a fleet of healthy devices; most want [Usual].
type Options struct {
	// Now is when the fleet is looked at. Enrolments and check-ins are before it.
	Now time.Time
	// Domain is that of the users. The default is "contoso.example".
	Domain string
	// Mix has the weight of each operating system. The zero value means that of [Usual].
	Mix Mix
	// PerUser is how many devices a user has on average. The default is 1.5.
	PerUser float64

	// Unhealthy is the share of devices whose posture does not meet [Policies].
	Unhealthy float64
	// Idle is the share that is switched off since days, and Lost the share that has been so for longer than a status is valid.
	Idle, Lost float64
	// Twins is the share that has enrolled again: the record of before is still there, stale, with the same name, serial number
	// and Entra device ID, and the opposite compliance.
	Twins float64
	// NoMAC is the share without a Wi-Fi MAC address, as virtual machines are (facts 1.3).
	NoMAC float64
	// Docked is the share of Windows laptops whose Ethernet MAC address is that of a dock that four of them share.
	Docked float64
	// NoEntra is the share whose Entra device ID is all zeros.
	NoEntra float64
}

// A Mix has the weight of each operating system.
type Mix struct{ Windows, MacOS, IOS, IPadOS, Android int }

func (m Mix) sum() int { return m.Windows + m.MacOS + m.IOS + m.IPadOS + m.Android }

// Usual is a company's fleet.
func Usual(now time.Time) Options {
	return Options{Now: now, Mix: Mix{Windows: 60, MacOS: 8, IOS: 18, IPadOS: 4, Android: 10}, PerUser: 1.5,
		Unhealthy: 0.06, Idle: 0.08, Lost: 0.02, Twins: 0.02, NoMAC: 0.02, Docked: 0.05, NoEntra: 0.002}
}

// A Fleet is the devices of a tenant, and who uses them. The users have no passwords.
type Fleet struct {
	Devices []intune.DeviceConfig
	Users   []directory.User
}

// Generate makes up a fleet of n devices, twins included.
func Generate(seed uint64, n int, o Options) *Fleet {
	if o.Mix.sum() == 0 {
		o.Mix = Usual(o.Now).Mix
	}
	if o.Domain == "" {
		o.Domain = "contoso.example"
	}
	if o.PerUser <= 0 {
		o.PerUser = 1.5
	}
	source := rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "fleet/%d", seed)))
	m := &maker{Options: o, source: source, Rand: rand.New(source), addresses: newAddresses(source.Uint64())}
	f := &Fleet{Devices: make([]intune.DeviceConfig, 0, n)}
	f.Users = m.users(max(int(float64(n)/o.PerUser), 1))
	for len(f.Devices) < n {
		d := m.device(len(f.Devices), &f.Users[m.IntN(len(f.Users))])
		f.Devices = append(f.Devices, d)
		if len(f.Devices) < n && m.happens(o.Twins) {
			f.Devices = append(f.Devices, m.twin(d))
		}
	}
	return f
}

// A maker draws what a fleet is made of.
type maker struct {
	Options
	*rand.Rand
	source    *rand.ChaCha8
	addresses *addresses
}

func (m *maker) happens(share float64) bool { return share > 0 && m.Float64() < share }

func pick[T any](m *maker, from []T) T { return from[m.IntN(len(from))] }

// text draws n of the characters.
func (m *maker) text(n int, characters string) string {
	var b strings.Builder
	for range n {
		b.WriteByte(characters[m.IntN(len(characters))])
	}
	return b.String()
}

const (
	digits  = "0123456789"
	capital = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	// code are the characters of serial numbers, which leave out what is mistaken for another.
	code = "0123456789BCDFGHJKLMNPQRSTVWXYZ"
)

// device makes up one.
func (m *maker) device(number int, owner *directory.User) intune.DeviceConfig {
	p := m.product()
	d := intune.DeviceConfig{
		Label: fmt.Sprintf("fleet-%06d", number+1), ID: guid.New(m.source), AzureADDeviceID: guid.New(m.source),
		UserPrincipalName: owner.UPN, OperatingSystem: p.system, OSVersion: pick(m, p.versions), Manufacturer: p.maker, Model: pick(m, p.models),
		SerialNumber: p.serial(m), Personal: m.happens(p.personal), Quiet: true,
	}
	d.Name = p.name(m, owner, &d)
	d.WiFiMAC = m.addresses.next(p.wifi)
	if p.imei {
		d.IMEI = m.imei()
	}
	if p.ethernet != nil {
		d.EthernetMAC = m.addresses.next(p.ethernet)
		if m.happens(m.Docked) {
			d.EthernetMAC = m.addresses.dock()
		}
	}
	if m.happens(m.NoMAC) {
		d.WiFiMAC = ""
	}
	if m.happens(m.NoEntra) {
		d.AzureADDeviceID = "00000000-0000-0000-0000-000000000000"
	}
	d.EnrolledAt = m.Now.Add(-time.Duration(m.Int64N(int64(3 * 365 * 24 * time.Hour)))).Truncate(time.Second)
	d.Posture = intune.Healthy(m.Now.AddDate(0, 0, -m.IntN(60)).Truncate(24 * time.Hour))
	if m.happens(m.Unhealthy) {
		p.spoil(m, &d)
	}
	m.lastSeen(&d)
	return d
}

// lastSeen draws when a device checked in last: by the schedule, unless it has been switched off.
func (m *maker) lastSeen(d *intune.DeviceConfig) {
	const day = 24 * time.Hour
	age := m.Now.Sub(d.EnrolledAt)
	switch {
	case m.happens(m.Lost) && age > 41*day:
		d.Off, d.LastSync = true, m.Now.Add(-31*day-time.Duration(m.Int64N(int64(min(age-31*day, 300*day)))))
	case m.happens(m.Idle) && age > 22*day:
		d.Off, d.LastSync = true, m.Now.Add(-day-time.Duration(m.Int64N(int64(20*day))))
	case age > day:
		early := intune.EarlyCheckIns(d.OperatingSystem)
		last := early[len(early)-1]
		d.LastSync = d.EnrolledAt.Add(last + (age-last)/(8*time.Hour)*(8*time.Hour))
	default:
		d.LastSync = m.Now.Add(-time.Duration(m.Int64N(int64(age) + 1)))
	}
	d.LastSync = d.LastSync.Truncate(time.Second)
}

// twin is the stale record of a device from before it enrolled again.
func (m *maker) twin(d intune.DeviceConfig) intune.DeviceConfig {
	t := d
	t.Label, t.ID = d.Label+"~1", guid.New(m.source)
	t.EnrolledAt = d.EnrolledAt.AddDate(0, -1-m.IntN(12), 0)
	t.LastSync, t.Off = d.EnrolledAt.Add(-time.Duration(m.Int64N(int64(48*time.Hour)))).Truncate(time.Second), true
	healthy := intune.Healthy(d.Posture.PatchLevel)
	if t.Posture = healthy; d.Posture == healthy {
		t.Posture.Encryption, t.Posture.Password = false, false
	}
	return t
}

// imei is one with the check digit of 3GPP TS 23.003 section 6.2.1 and annex B.
func (m *maker) imei() string {
	body := "35" + m.text(12, digits)
	sum := 0
	for i := range body {
		n := int(body[i] - '0')
		if i%2 == 1 {
			n = n*2/10 + n*2%10
		}
		sum += n
	}
	return body + string(rune('0'+(10-sum%10)%10))
}
