package radius

import (
	"encoding/binary"
	"strconv"

	lr "layeh.com/radius"
)

// An ErrorCause says why a dynamic authorization request was refused (RFC 5176 section 3.5).
type ErrorCause uint32

// The values of RFC 5176 section 3.5, and 508 of the same.
const (
	ResidualContextRemoved     ErrorCause = 201
	InvalidEAPPacket           ErrorCause = 202
	UnsupportedAttribute       ErrorCause = 401
	MissingAttribute           ErrorCause = 402
	NASIdentificationMismatch  ErrorCause = 403
	InvalidRequest             ErrorCause = 404
	UnsupportedService         ErrorCause = 405
	UnsupportedExtension       ErrorCause = 406
	InvalidAttributeValue      ErrorCause = 407
	AdministrativelyProhibited ErrorCause = 501
	RequestNotRoutable         ErrorCause = 502
	SessionContextNotFound     ErrorCause = 503
	SessionContextNotRemovable ErrorCause = 504
	OtherProxyProcessingError  ErrorCause = 505
	ResourcesUnavailable       ErrorCause = 506
	RequestInitiated           ErrorCause = 507
	MultipleSessionSelection   ErrorCause = 508
)

var errorCauseNames = map[ErrorCause]string{
	ResidualContextRemoved:     "Residual-Session-Context-Removed",
	InvalidEAPPacket:           "Invalid-EAP-Packet",
	UnsupportedAttribute:       "Unsupported-Attribute",
	MissingAttribute:           "Missing-Attribute",
	NASIdentificationMismatch:  "NAS-Identification-Mismatch",
	InvalidRequest:             "Invalid-Request",
	UnsupportedService:         "Unsupported-Service",
	UnsupportedExtension:       "Unsupported-Extension",
	InvalidAttributeValue:      "Invalid-Attribute-Value",
	AdministrativelyProhibited: "Administratively-Prohibited",
	RequestNotRoutable:         "Request-Not-Routable",
	SessionContextNotFound:     "Session-Context-Not-Found",
	SessionContextNotRemovable: "Session-Context-Not-Removable",
	OtherProxyProcessingError:  "Other-Proxy-Processing-Error",
	ResourcesUnavailable:       "Resources-Unavailable",
	RequestInitiated:           "Request-Initiated",
	MultipleSessionSelection:   "Multiple-Session-Selection-Unsupported",
}

// String returns the name with the number, for example "Session-Context-Not-Found (503)".
func (c ErrorCause) String() string {
	n := strconv.FormatUint(uint64(c), 10)
	if name, ok := errorCauseNames[c]; ok {
		return name + " (" + n + ")"
	}
	return n
}

// SetErrorCause sets the Error-Cause attribute.
func SetErrorCause(p *lr.Packet, c ErrorCause) { p.Set(typeErrorCause, lr.NewInteger(uint32(c))) }

// GetErrorCause returns the Error-Cause. A malformed attribute counts as none.
func GetErrorCause(attrs lr.Attributes) (c ErrorCause, ok bool) {
	a, ok := attrs.Lookup(typeErrorCause)
	if !ok || len(a) != 4 {
		return 0, false
	}
	return ErrorCause(binary.BigEndian.Uint32(a)), true
}
