package eap

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"reflect"
	"strings"
)

// An Alert is the description octet of a TLS alert (RFC 8446 section 6).
type Alert uint8

// The alerts that EAP servers and peers tell apart.
const (
	AlertCloseNotify            Alert = 0
	AlertHandshakeFailure       Alert = 40
	AlertBadCertificate         Alert = 42
	AlertUnsupportedCertificate Alert = 43
	AlertCertificateRevoked     Alert = 44
	AlertCertificateExpired     Alert = 45
	AlertCertificateUnknown     Alert = 46
	AlertUnknownCA              Alert = 48
	AlertAccessDenied           Alert = 49
	AlertDecodeError            Alert = 50
	AlertProtocolVersion        Alert = 70
	AlertInternalError          Alert = 80
	AlertBadStatusResponse      Alert = 113 // bad_certificate_status_response: of an OCSP staple
	AlertCertificateRequired    Alert = 116
)

// String returns the alert in words, for example "unknown certificate authority".
func (a Alert) String() string { return strings.TrimPrefix(tls.AlertError(a).Error(), "tls: ") }

// AboutCertificate reports whether the alert is a verdict on the certificate of its receiver.
func (a Alert) AboutCertificate() bool {
	switch a {
	case AlertBadCertificate, AlertUnsupportedCertificate, AlertCertificateRevoked, AlertCertificateExpired,
		AlertCertificateUnknown, AlertUnknownCA, AlertBadStatusResponse, AlertCertificateRequired:
		return true
	}
	return false
}

// RemoteAlert returns the fatal alert of the other side that an error of [TLS.Step] reports.
func RemoteAlert(err error) (Alert, bool) { return alertOf(err, remoteError) }

// LocalAlert returns the alert that was sent to the other side because of err, where the error tells.
func LocalAlert(err error) (Alert, bool) {
	if a, ok := alertOf(err, localError); ok {
		return a, true
	}
	return chosenAlert(err)
}

// A Refusal is the error of a verification callback that chooses the alert for the other side.
type Refusal struct {
	Alert Alert
	Err   error // why
}

// Error is the reason.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap is the reason.
func (r *Refusal) Unwrap() error { return r.Err }

// chosenAlert is the alert that tells best of a verification that failed: that of a [Refusal], or the one for the
// verdict of crypto/x509 (RFC 8446 section 6.2). crypto/tls would choose bad_certificate for most of them.
func chosenAlert(err error) (Alert, bool) {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Alert, true
	}
	if !isVerdict(err) {
		return 0, false
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch invalid.Reason {
		case x509.Expired: // or not valid yet
			return AlertCertificateExpired, true
		case x509.IncompatibleUsage:
			return AlertUnsupportedCertificate, true
		}
		return AlertBadCertificate, true
	}
	switch {
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return AlertUnknownCA, true
	case errors.As(err, new(x509.HostnameError)):
		return AlertCertificateUnknown, true
	}
	return AlertBadCertificate, true
}

func isVerdict(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// How crypto/tls names the operation in the net.OpError that wraps an alert.
const (
	remoteError = "remote error"
	localError  = "local error"
)

// alertOf digs the alert out of the net.OpError that crypto/tls wraps it in. Its type is not exported there,
// but it is an unsigned octet.
func alertOf(err error, op string) (Alert, bool) {
	var e *net.OpError
	if !errors.As(err, &e) || e.Op != op || e.Err == nil {
		return 0, false
	}
	v := reflect.ValueOf(e.Err)
	if v.Kind() != reflect.Uint8 {
		return 0, false
	}
	return Alert(v.Uint()), true
}

// alertLen is the length of an unencrypted alert record: type, version, length, level, description.
const alertLen = recordHeader + alertBody

// PlainAlert returns the fatal alert at the end of unencrypted records, as [TLS.Step] returns them when a
// handshake fails before there are keys.
func PlainAlert(records []byte) (Alert, bool) {
	if len(records) < alertLen {
		return 0, false
	}
	r := records[len(records)-alertLen:]
	if r[0] != recordAlert || r[3] != 0 || r[4] != alertBody || r[5] != levelFatal {
		return 0, false
	}
	return Alert(r[6]), true
}
