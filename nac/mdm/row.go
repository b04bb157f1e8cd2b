package mdm

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// selected are the properties that the NAC asks for.
const selected = "id,azureADDeviceId,deviceName,wiFiMacAddress,ethernetMacAddress,complianceState,managementState,lastSyncDateTime,operatingSystem,osVersion,manufacturer,model"

// A row is a managedDevice as Graph writes it. Its texts share memory with the reply. A property that is missing, null,
// or no string, or too long for one of Intune's, is empty: it does not spoil the row, and the row with it does not match or vouch by it. Of a property
// that is there twice the last counts.
type row struct {
	id, entra      deviceID
	name           []byte
	wifi, ethernet macAddress
	// ethernetKnown says that the Ethernet address is the device's, or that it has none; lists have null for it.
	ethernetKnown           bool
	compliance, management  []byte
	lastSync                []byte
	system, version         []byte
	manufacturer, modelName []byte
}

// A fetched is a record as one reply of Graph has it.
type fetched struct {
	Record
	// ethernetKnown says that EthernetMAC is the device's, or that it has none.
	ethernetKnown bool
	// single says that it was read by its ID. Lists lag behind that at times (facts: graph-and-entra 3.4).
	single bool
}

// fetched makes a record of a row.
func (r *row) fetched(at time.Time) fetched {
	f := fetched{Record: Record{
		ID: r.id.String(), AzureADDeviceID: r.entra.String(), DeviceName: string(r.name),
		WiFiMAC: r.wifi.String(), EthernetMAC: r.ethernet.String(),
		ComplianceState: string(r.compliance), ManagementState: string(r.management),
		OperatingSystem: string(r.system), OSVersion: string(r.version),
		Manufacturer: string(r.manufacturer), Model: string(r.modelName), FetchedAt: at,
	}, ethernetKnown: r.ethernetKnown}
	if f.ComplianceState == "" {
		f.ComplianceState = StandingUnknown
	}
	// Nothing depends on it but which of two twins counts: what cannot be read is the oldest.
	if sync, err := time.Parse(time.RFC3339, string(r.lastSync)); err == nil {
		f.LastSync = sync.UTC()
	}
	return f
}

// A property is one of those selected.
type property int

const (
	otherProperty property = iota
	propertyID
	propertyEntra
	propertyName
	propertyWiFi
	propertyEthernet
	propertyCompliance
	propertyManagement
	propertyLastSync
	propertySystem
	propertyVersion
	propertyManufacturer
	propertyModel
)

func propertyNamed(name []byte) property {
	switch string(name) {
	case "id":
		return propertyID
	case "azureADDeviceId":
		return propertyEntra
	case "deviceName":
		return propertyName
	case "wiFiMacAddress":
		return propertyWiFi
	case "ethernetMacAddress":
		return propertyEthernet
	case "complianceState":
		return propertyCompliance
	case "managementState":
		return propertyManagement
	case "lastSyncDateTime":
		return propertyLastSync
	case "operatingSystem":
		return propertySystem
	case "osVersion":
		return propertyVersion
	case "manufacturer":
		return propertyManufacturer
	case "model":
		return propertyModel
	}
	return otherProperty
}

// set gives a property the text that it has; nil is what is no text.
func (r *row) set(p property, text []byte) {
	switch p {
	case propertyID:
		r.id = parseID(text)
	case propertyEntra:
		r.entra = parseID(text)
	case propertyName:
		r.name = text
	case propertyWiFi:
		r.wifi = parseMAC(text)
	case propertyEthernet:
		r.ethernet, r.ethernetKnown = parseMAC(text), text != nil
	case propertyCompliance:
		r.compliance = text
	case propertyManagement:
		r.management = text
	case propertyLastSync:
		r.lastSync = text
	case propertySystem:
		r.system = text
	case propertyVersion:
		r.version = text
	case propertyManufacturer:
		r.manufacturer = text
	case propertyModel:
		r.modelName = text
	}
}

// read takes a device from where the scan is, and reports whether it has an ID: nothing can be done with one that
// has none.
func (r *row) read(s *scan) (ok bool, err error) {
	*r = row{}
	err = s.object(func(name []byte) error {
		p := propertyNamed(name)
		if p == otherProperty {
			return s.skip(maxDepth)
		}
		if s.peek() != '"' {
			r.set(p, nil)
			return s.skip(maxDepth)
		}
		text, err := s.str()
		if len(text) > maxText {
			text = nil
		}
		r.set(p, text)
		return err
	})
	return r.id != deviceID{}, err
}

// maxRows bounds the devices on one page; Graph sends up to 1000. maxLink bounds the address of the next, and maxText a
// property of a device; Intune's longest are names of 255 characters.
const (
	maxRows = 10_000
	maxLink = 16 << 10
	maxText = 1024
)

// readPage reads one page of a list and appends its devices to rows. What has no ID is left out: a device that is
// known is then missing in the list, and read by itself. A page that is cut off, or is none, is an error, and with it the
// list: what it lacks cannot be told.
func readPage(body []byte, rows []row) (all []row, next string, err error) {
	s := &scan{text: body}
	listed := false
	err = s.object(func(name []byte) error {
		switch string(name) {
		case "value":
			if listed {
				return errors.New("the reply has two values")
			}
			listed = true
			if s.peek() != '[' {
				return s.wrong("an array of devices")
			}
			rows, err = readRows(s, rows)
			return err
		case "@odata.nextLink":
			if s.peek() == 'n' {
				next = ""
				return s.skip(1)
			}
			link, err := s.str()
			if len(link) > maxLink {
				return fmt.Errorf("the address of the next page has %d octets, more than %d", len(link), maxLink)
			}
			next = string(link)
			return err
		}
		return s.skip(maxDepth)
	})
	if err == nil {
		err = s.end()
	}
	if err == nil && !listed {
		err = errors.New("the reply has no value")
	}
	return rows, next, err
}

func readRows(s *scan, rows []row) ([]row, error) {
	err := s.array(func() error {
		if s.peek() != '{' {
			return s.skip(maxDepth)
		}
		if len(rows) == maxRows {
			return fmt.Errorf("the page has more than %d devices", maxRows)
		}
		rows = append(rows, row{})
		ok, err := rows[len(rows)-1].read(s)
		if !ok {
			rows = rows[:len(rows)-1]
		}
		return err
	})
	return rows, err
}

// decodeDevice reads a single device.
func decodeDevice(body []byte, at time.Time) (fetched, error) {
	s := &scan{text: body}
	var r row
	ok, err := r.read(s)
	if err == nil {
		err = s.end()
	}
	if err == nil && !ok {
		err = errors.New("it has no ID")
	}
	if err != nil {
		return fetched{}, fmt.Errorf("device: %w", err)
	}
	return r.fetched(at), nil
}

// foldName writes a device name in the way in which names are compared.
func foldName(name string) string { return strings.ToLower(name) }
