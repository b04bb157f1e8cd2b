package config

import (
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"nacsim/fakeap/ether"
	"nacsim/internal/radius"
)

// mac reads a MAC address; an empty text means the default.
func (r *reader) mac(at ast.Node, s string, standard ether.Addr) ether.Addr {
	if s == "" {
		return standard
	}
	hw, err := radius.CanonicalMAC(s)
	if err != nil {
		r.Errorf(at, `mac is %q; expected six octets in hexadecimal such as "00:1c:b3:09:85:15"`, s)
		return standard
	}
	mac, _ := ether.FromHardware(hw)
	if mac.IsGroup() {
		r.Errorf(at, "mac is %q, which is a group address, not that of a device", s)
	}
	return mac
}

// supplicants adds what one entry stands for.
func (r *reader) supplicants(c *Config, f *fileNode, index map[string]int, s *supplicantNode) {
	nas := 0
	if s.nas != "" {
		i, known := index[s.nas]
		if !known {
			r.Errorf(s.at("nas"), "nas is %q; there is none of that name", s.nas)
			return
		}
		nas = i
	}
	if s.name == "" {
		s.name = "device-" + strconv.Itoa(len(c.Supplicants)+1)
		if s.count > 1 {
			s.name = "device-{n}"
		}
	}
	mac := r.mac(s.at("mac"), s.mac, addTo(ether.Addr{0x00, 0x1c, 0xb3, 0, 0, 0}, len(c.Supplicants)+1))
	port := s.port
	if f.nas[nas].kind == Switch && port == 0 {
		for i := range c.Supplicants {
			if c.Supplicants[i].NAS == nas {
				port = max(port, c.Supplicants[i].Port)
			}
		}
		port++
	}
	if s.port != 0 && f.nas[nas].kind != Switch {
		r.Errorf(s.at("port"), "port is for switches, and %s is an access point", f.nas[nas].name)
	}
	if f.nas[nas].kind == Switch && port+s.count-1 > 512 {
		r.Errorf(s.at("count"), "%s would need port %d, and a switch has 512 at most", f.nas[nas].name, port+s.count-1)
		return
	}
	for i := range s.count {
		one := Supplicant{Name: numbered(s.name, i+1), MAC: addTo(mac, i), NAS: nas, Expect: s.expect}
		if f.nas[nas].kind == Switch {
			one.Port = port + i
		}
		if !r.credentials(&one, s, i+1) {
			return
		}
		c.Supplicants = append(c.Supplicants, one)
	}
}

// addTo returns the address n after a.
func addTo(a ether.Addr, n int) ether.Addr {
	for i := len(a) - 1; i >= 0 && n > 0; i-- {
		n += int(a[i])
		a[i] = byte(n)
		n >>= 8
	}
	return a
}

// numbered puts a number into a text.
func numbered(s string, n int) string { return strings.ReplaceAll(s, "{n}", strconv.Itoa(n)) }
