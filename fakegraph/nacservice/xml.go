package nacservice

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"

	"nacsim/fakegraph/intune"
	"nacsim/fakegraph/wire"
)

// namespace is that of the elements of version 3.
const namespace = "http://schemas.datacontract.org/2004/07/Microsoft.Intune.ResourceAccess.ComplianceRetrievalService.Model"

// A document is a reply in the making. Version 3 spells some elements with a capital and has a namespace; version 2 has
// neither.
type document struct {
	bytes.Buffer
	version int
}

// newDocument begins a reply of a version.
func newDocument(version int, name string) *document {
	d := &document{version: version}
	if version >= 3 {
		d.WriteString(`<ise_api xmlns="` + namespace + `">`)
	} else {
		d.WriteString(`<?xml version="1.0" encoding="utf-8"?><ise_api>`)
	}
	d.element("name", name)
	d.element("api_version", strconv.Itoa(version))
	return d
}

func (d *document) end() []byte {
	d.WriteString("</ise_api>")
	return d.Bytes()
}

func (d *document) open(name string)  { d.WriteString("<" + name + ">") }
func (d *document) close(name string) { d.WriteString("</" + name + ">") }

// element writes one with a text. What XML cannot say is replaced.
func (d *document) element(name, text string) {
	d.open(name)
	_ = xml.EscapeText(d, []byte(text)) // a buffer takes all
	d.close(name)
}

func (d *document) truth(name string, value bool) { d.element(name, strconv.FormatBool(value)) }

// capital is the name of an element that has a capital in version 3.
func (d *document) capital(name string) string {
	if d.version >= 3 {
		return strings.ToUpper(name[:1]) + name[1:]
	}
	return name
}

// info answers mdminfo: what the service can do, and where it is.
func (s *Service) info(r *request) ([]byte, *refusal) {
	d := newDocument(r.version, "mdminfo")
	at := ComplianceRetrieval.Path + "/cisco"
	if r.version < 3 {
		at = NACAPI.Path + "/ciscodeviceinfo/mdm/api"
	}
	d.element("api_path", at)
	d.element("redirect_url", "https://portal.manage.microsoft.com/networkaccesscontrol/index")
	d.element("query_max_size", strconv.Itoa(maxValues))
	d.truth("messaging_support", false)
	d.element("vendor", "Microsoft")
	d.element("product_name", "Microsoft Intune")
	d.element("product_version", "1.0")
	d.element("service_url", wire.Origin(r.Request)+at)
	return d.end(), nil
}

// deviceList writes the reply to a query. A device that Intune does not know is one that is not registered.
func (s *Service) deviceList(version int, show filter, list []found) []byte {
	d := newDocument(version, "attributes")
	d.element("paging_info", "0")
	d.open("deviceList")
	for _, f := range list {
		d.open("device")
		d.element(f.by, f.value)
		attributes, compliance := d.capital("attributes"), d.capital("compliance")
		d.open(attributes)
		if version >= 3 {
			d.element(f.by, f.value)
		}
		if show.registration {
			d.truth("register_status", f.device != nil)
		}
		if show.compliance && (f.device != nil || version >= 3) {
			d.open(compliance)
			d.truth("status", f.device != nil && s.complies(f.device))
			d.close(compliance)
		}
		if show.details && version < 3 && f.device != nil {
			d.details(f.device)
		}
		d.close(attributes)
		d.close("device")
	}
	d.close("deviceList")
	return d.end()
}

// details writes what only version 2 tells of a device.
func (d *document) details(v *intune.Device) {
	d.truth("disk_encryption_on", v.Reported.Encryption)
	d.truth("pin_lock_on", v.Reported.Password)
	d.truth("jail_broken", v.Reported.Jailbroken)
	for _, e := range [][2]string{{"manufacturer", v.Manufacturer}, {"model", v.Model}, {"imei", v.IMEI}, {"meid", ""}, {"udid", v.ID},
		{"serial_number", v.SerialNumber}, {"os_version", strings.TrimSpace(v.OperatingSystem + " " + v.OSVersion)}, {"phone_number", ""}} {
		d.element(e[0], e[1])
	}
}
