package eap

// Deny returns the records with which one side refuses the other after a completed handshake: the fatal alert
// access_denied of RFC 8446 section 6.2, in place of the success indication (RFC 9190 section 2.1.3). Session tickets
// and other records may have been sent before.
//
// crypto/tls has no way to send an alert of one's choice. With TLS 1.3 its close_notify is sealed anew as the alert;
// with TLS 1.2 it remains close_notify: EAP-Failure, which follows in any case, carries the refusal. The alert sent is
// returned beside the records.
func (t *TLS) Deny() (out []byte, sent Alert, err error) {
	out, err = t.CloseNotify()
	if err == nil && t.replaceAlert(out, AlertAccessDenied) {
		return out, AlertAccessDenied, nil
	}
	return out, AlertCloseNotify, err
}
