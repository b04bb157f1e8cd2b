// Package device is a machine without an 802.1X supplicant, such as a printer: on a cable it sends ordinary frames,
// by which a switch notices it and asks a RADIUS server about its MAC address; on the air it joins an open network.
//
// The protocol is an engine without input and output of its own; [Device] drives it on a host.Host.
package device

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/ether"
	"nacsim/fakeap/supplicant"
	"nacsim/internal/host"
)

// Device is a machine on a host. Its methods may be called from any task; none of them blocks.
type Device struct {
	h   host.Host
	mac ether.Addr

	connecting sync.Mutex // held for all of Connect and Disconnect, which must not mix

	mu      sync.Mutex
	port    host.Port
	machine *machine
}

// Start returns a device that is not connected to anything. It writes lines of kind "supplicant" to the host's
// trace, although it has none: they say when it connects and leaves.
func Start(h host.Host, mac ether.Addr) (*Device, error) {
	if mac == (ether.Addr{}) || mac.IsGroup() {
		return nil, fmt.Errorf("device: MAC address %v is not a station's", mac)
	}
	return &Device{h: h, mac: mac}, nil
}

// Connect plugs the device into a cable or joins an open wireless network, after leaving the link before.
func (d *Device) Connect(link supplicant.Link) error {
	if link.Medium.Kind == host.Radio && (link.SSID == "" || len(link.SSID) > dot11.MaxSSID) {
		return fmt.Errorf("device: SSID of %d octets, 1 to %d are possible", len(link.SSID), dot11.MaxSSID)
	}
	d.connecting.Lock()
	defer d.connecting.Unlock()
	d.disconnect()
	port, err := d.h.Attach(link.Medium, d.mac.Hardware())
	if err != nil {
		return err
	}
	if link.Name == "" {
		link.Name = link.Medium.Name
	}
	m := &machine{mac: d.mac, link: link}
	d.mu.Lock()
	d.port, d.machine = port, m
	m.connect(d.h.Now())
	d.flush(port, m)
	d.mu.Unlock()
	d.h.Go("device", func() { d.run(port, m) })
	return nil
}

// Disconnect unplugs the device. Without a connection it does nothing.
func (d *Device) Disconnect() {
	d.connecting.Lock()
	defer d.connecting.Unlock()
	d.disconnect()
}

func (d *Device) disconnect() {
	d.mu.Lock()
	port, m := d.port, d.machine
	d.port, d.machine = nil, nil
	if m != nil {
		m.leave()
		d.flush(port, m)
	}
	d.mu.Unlock()
	if port != nil {
		port.Close() // it reports nothing of use: the port is gone either way
	}
}

// run feeds the machine of one connection until it is replaced or the host goes down.
func (d *Device) run(port host.Port, m *machine) {
	for {
		d.mu.Lock()
		deadline := m.deadline
		d.mu.Unlock()
		frame, err := port.ReadFrame(deadline)
		if errors.Is(err, host.ErrDown) || !d.input(port, m, frame, err) {
			return
		}
	}
}

// input feeds the machine one event and reports whether the connection is still the current one.
func (d *Device) input(port host.Port, m *machine, frame []byte, err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.machine != m {
		return false
	}
	now := d.h.Now()
	switch {
	case err == nil:
		m.receive(frame, now)
	case errors.Is(err, host.ErrTimeout):
		m.expire(now)
	case errors.Is(err, host.ErrNoCarrier):
		m.lost(now)
	default:
		return false
	}
	d.flush(port, m)
	return true
}

// flush sends and traces what the machine has put out. The caller holds the mutex.
func (d *Device) flush(port host.Port, m *machine) {
	for _, s := range m.changes {
		d.h.Trace("supplicant", slog.String("client", d.mac.String()), slog.String("state", string(s)), slog.String("to", m.link.Name))
	}
	for _, frame := range m.out {
		_ = port.WriteFrame(frame) // a frame that cannot be sent is a frame lost: the timers deal with it
	}
	m.changes, m.out = nil, nil
}

// retry is the wait after the loss of a link, and between attempts to join a network.
const retry = time.Second
