package nacservice

import (
	"net/http"
	"strings"
	"time"

	"nacsim/fakegraph/intune"
	"nacsim/internal/guid"
)

// maxValues is how many devices one query may ask for: the query_max_size that mdminfo tells.
const maxValues = 100

// Criteria of a query.
const (
	byGUID       = "guid"
	byMAC        = "macaddress"
	byCompliance = "compliance"
)

// option returns a parameter of the query, whose name is not case-sensitive.
func (r *request) option(name string) string {
	if v, ok := r.query[name]; ok {
		return v[0]
	}
	for key, v := range r.query { // order-free: clients send a parameter once, and any of several will do
		if strings.EqualFold(key, name) {
			return v[0]
		}
	}
	return ""
}

// A found device is one that a query asked for, and what it was asked for by. A nil device is not known to Intune.
type found struct {
	by, value string
	device    *intune.Device
}

// devices answers a query for devices.
func (s *Service) devices(r *request) ([]byte, *refusal) {
	filter, refused := attributes(r.option("filter"))
	if refused != nil {
		return nil, refused
	}
	var list []found
	value := r.option("value")
	switch by := strings.ToLower(r.option("querycriteria")); by {
	case byGUID, byMAC:
		list, refused = s.lookUp(by, value)
	case byCompliance:
		if !strings.EqualFold(value, "false") {
			return nil, refuse(http.StatusBadRequest, "value=%.20s: only devices that do not comply can be listed, with value=false.", value)
		}
		list, refused = s.nonCompliant(r)
	default:
		return nil, refuse(http.StatusBadRequest, "querycriteria=%.20s: want guid, macaddress or compliance.", by)
	}
	if refused != nil {
		return nil, refused
	}
	for _, f := range list {
		if f.device != nil {
			r.note.Rows++
		}
	}
	return s.deviceList(r.version, filter, list), nil
}

// A filter is which attributes a reply has.
type filter struct{ registration, compliance, details bool }

// attributes reads the parameter filter.
func attributes(name string) (filter, *refusal) {
	switch strings.ToLower(name) {
	case "", "all":
		return filter{true, true, true}, nil
	case "register_status":
		return filter{registration: true}, nil
	case "compliance":
		return filter{compliance: true}, nil
	}
	return filter{}, refuse(http.StatusBadRequest, "filter=%.20s: want all, register_status or compliance.", name)
}

// lookUp finds the devices that a query names, separated by commas.
func (s *Service) lookUp(by, values string) ([]found, *refusal) {
	if strings.Count(values, ",") >= maxValues {
		return nil, refuse(http.StatusBadRequest, "The query asks for more than %d devices.", maxValues)
	}
	var list []found
	for value := range strings.SplitSeq(values, ",") {
		value = strings.TrimSpace(value)
		f := found{by: by, value: value}
		switch by {
		case byGUID:
			if !guid.Valid(value) {
				return nil, refuse(http.StatusBadRequest, "value=%.64s: want the Intune device ID, a GUID.", value)
			}
			s.intune.ByID(intune.ViewNAC, value, func(d *intune.Device) { f.device = d })
		case byMAC:
			mac, ok := bareMAC(value)
			if !ok {
				return nil, refuse(http.StatusBadRequest, "value=%.64s: want a MAC address of 12 hexadecimal digits.", value)
			}
			f.value, f.device = mac, s.latestByMAC(mac)
		}
		list = append(list, f)
	}
	return list, nil
}

// latestByMAC is the device with a MAC address: of several, which share a dock, the one that has synced last.
func (s *Service) latestByMAC(mac string) *intune.Device {
	var latest *intune.Device
	s.intune.ByMAC(intune.ViewNAC, mac, func(d *intune.Device) bool {
		if latest == nil || d.LastSync.After(latest.LastSync) {
			latest = d
		}
		return true
	})
	return latest
}

// bareMAC writes an address with upper-case digits and nothing between them.
func bareMAC(text string) (string, bool) {
	digits := strings.ToUpper(strings.NewReplacer(":", "", "-", "", ".", "").Replace(text))
	return digits, len(digits) == 12 && strings.Trim(digits, "0123456789ABCDEF") == ""
}

// nonCompliant lists the devices that do not comply, once in each interval.
func (s *Service) nonCompliant(r *request) ([]found, *refusal) {
	by := strings.ToLower(r.option("deviceidentifier"))
	if by == "" {
		by = byGUID
	}
	if by != byGUID && by != byMAC {
		return nil, refuse(http.StatusBadRequest, "deviceidentifier=%.20s: want guid or macaddress.", by)
	}
	if wait := s.takeList(r.app); wait > 0 {
		r.note.Throttle = "the list again in " + wait.Round(time.Second).String()
		return nil, refuse(http.StatusServiceUnavailable, "All devices that do not comply may be asked for once in %v.", s.cfg.ListInterval)
	}
	var list []found
	s.intune.List(intune.ViewNAC, intune.Place{}, "", func(d *intune.Device) bool {
		value := d.ID
		if by == byMAC {
			if value, _ = bareMAC(d.WiFiMAC); value == "" {
				value, _ = bareMAC(d.EthernetMAC)
			}
		}
		if !s.complies(d) && value != "" {
			list = append(list, found{by, value, d})
		}
		return true
	})
	return list, nil
}

// takeList notes that an app asks for the list. It returns how long the app has to wait first; a query that is refused does not make
// that longer.
func (s *Service) takeList(app string) time.Duration {
	now := s.h.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.listed[app]
	if wait := last.Add(s.cfg.ListInterval).Sub(now); ok && wait > 0 {
		return wait
	}
	s.listed[app] = now
	return 0
}

// complies is what the service says of a device.
func (s *Service) complies(d *intune.Device) bool {
	return d.ComplianceState == intune.StateCompliant || d.ComplianceState == intune.StateInGracePeriod && !s.cfg.GraceFails
}
