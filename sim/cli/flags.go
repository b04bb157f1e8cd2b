package cli

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"nacsim/sim/scenario"
)

// The values of flags, with errors that say what would be right.

// seedFlag is a seed, or nothing.
type seedFlag struct{ value *uint64 }

func (f *seedFlag) String() string {
	if f.value == nil {
		return ""
	}
	return strconv.FormatUint(*f.value, 10)
}

func (f *seedFlag) Set(s string) error {
	v, err := scenario.ParseSeed(s)
	if err != nil {
		return errors.New("want " + scenario.SeedWanted)
	}
	f.value = &v
	return nil
}

func (f *seedFlag) Type() string { return "number" }

// speedFlag is how many times faster than real the virtual clock goes; 0 means as fast as possible.
type speedFlag float64

func (f *speedFlag) String() string {
	if *f == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(*f), 'g', -1, 64) + "x"
}

func (f *speedFlag) Set(s string) error {
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil || !(v >= 0.001 && v <= 1e6) || strings.ContainsAny(s, "+-pPiI_") {
		return errors.New("want how many times faster than real time, from 0.001x to 1000000x, such as 60x")
	}
	*f = speedFlag(v)
	return nil
}

func (f *speedFlag) Type() string { return "factor" }

// durationFlag is a duration as in scenarios, or nothing.
type durationFlag struct{ value *time.Duration }

func (f *durationFlag) String() string {
	if f.value == nil {
		return ""
	}
	return scenario.FormatDuration(*f.value)
}

func (f *durationFlag) Set(s string) error {
	d, err := scenario.ParseDuration(s)
	if err != nil || d < 0 {
		return errors.New(`want a duration such as 30s, 1h30m or 2d`)
	}
	if d != 0 && d < time.Millisecond {
		return errors.New("want at least 1ms")
	}
	f.value = &d
	return nil
}

func (f *durationFlag) Type() string { return "duration" }

// A Bind is the real address of a machine's socket in a live run.
type Bind struct {
	Host string
	Port uint16
	Real netip.AddrPort
}

// bindFlag collects binds written as "nac:1812=127.0.0.1:11812".
type bindFlag struct{ binds []Bind }

func (f *bindFlag) String() string { return "" }

func (f *bindFlag) Set(s string) error {
	socket, address, ok := strings.Cut(s, "=")
	host, service, named := strings.Cut(socket, ":")
	port, err := strconv.ParseUint(service, 10, 16)
	real, addrErr := netip.ParseAddrPort(address)
	if !ok || !named || host == "" || err != nil || port == 0 || addrErr != nil {
		return errors.New("want MACHINE:PORT=ADDRESS:PORT, such as nac:1812=127.0.0.1:11812")
	}
	f.binds = append(f.binds, Bind{Host: host, Port: uint16(port), Real: real})
	return nil
}

func (f *bindFlag) Type() string { return "socket=address" }

// addressFlag is an IP address with a port, or nothing.
type addressFlag struct{ value netip.AddrPort }

func (f *addressFlag) String() string {
	if !f.value.IsValid() {
		return ""
	}
	return f.value.String()
}

func (f *addressFlag) Set(s string) error {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return errors.New("want ADDRESS:PORT, such as 127.0.0.1:11812 or [::]:1812")
	}
	f.value = a
	return nil
}

func (f *addressFlag) Type() string { return "address" }

// logFlag is how requests are printed.
type logFlag string

const (
	logLine logFlag = "line"
	logJSON logFlag = "json"
	logOff  logFlag = "off"
)

func (f *logFlag) String() string { return string(*f) }

func (f *logFlag) Set(s string) error {
	switch v := logFlag(s); v {
	case logLine, logJSON, logOff:
		*f = v
		return nil
	}
	return errors.New("want line, json or off")
}

func (f *logFlag) Type() string { return "form" }
