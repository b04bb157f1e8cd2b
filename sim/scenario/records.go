package scenario

import (
	"slices"
	"strings"

	"nacsim/internal/radius"
	"nacsim/nac/event"
)

// A RecordKind is a kind of record of the trace: what it tells of, and what its fields are. Expectations are
// checked against the kinds, so that none is accepted that no record can ever meet.
type RecordKind struct {
	Name string
	Doc  string
	// Principal is the field that an expectation compares with the value of the key that names the kind, as in
	// "event: NAC_CLIENT_PERMIT". It is empty for a kind without one, and for a packet, which goes by several names.
	Principal string
	Fields    []RecordField

	// runner marks what the runner itself writes about the steps, which nothing can be expected of.
	runner bool
}

// A RecordField is a field of a record. "actor" is the host that wrote the record, which is in all of them.
type RecordField struct {
	Name string
	Doc  string
	// Key is the key of an expectation that means this field, or empty.
	Key string
	// Of are the values of the principal field with which a record has this field; empty means with all.
	Of []string
	// Values are what the field can be, where not everything that the key accepts is possible.
	Values []string
	// List says that the field can be several values with commas between.
	List bool
	// Members are the names of the fields in it, where it is a group; expectations write "group.member".
	Members []string
}

// RecordKinds returns all kinds of records, in the order of the reference.
func RecordKinds() []RecordKind { return recordTable }

// RecordKindNamed returns a kind by its name, or nil.
func RecordKindNamed(name string) *RecordKind {
	for i := range recordTable {
		if recordTable[i].Name == name {
			return &recordTable[i]
		}
	}
	return nil
}

// Keyed returns the field that a key of an expectation means in records whose principal field has the value, or
// nil. An empty value stands for any.
func (k *RecordKind) Keyed(key, value string) *RecordField {
	return k.find(value, func(f *RecordField) bool { return f.Key == key })
}

// Named returns the field with the name in records whose principal field has the value, or nil. The name of a
// field in a group has the name of the group and a dot in front.
func (k *RecordKind) Named(name, value string) *RecordField {
	group, member, inside := strings.Cut(name, ".")
	return k.find(value, func(f *RecordField) bool {
		if inside {
			return f.Name == group && slices.Contains(f.Members, member)
		}
		return f.Name == name
	})
}

func (k *RecordKind) find(value string, is func(*RecordField) bool) *RecordField {
	for i := range k.Fields {
		if f := &k.Fields[i]; is(f) && (value == "" || len(f.Of) == 0 || slices.Contains(f.Of, value)) {
			return f
		}
	}
	return nil
}

// names are all names of fields, for errors.
func (k *RecordKind) names() []string {
	var list []string
	for i := range k.Fields {
		f := &k.Fields[i]
		if f.Members == nil {
			if !slices.Contains(list, f.Name) {
				list = append(list, f.Name)
			}
			continue
		}
		for _, m := range f.Members {
			list = append(list, f.Name+"."+m)
		}
	}
	return list
}

// keys are the keys of an expectation that mean something in the kind.
func (k *RecordKind) keys() []string {
	var list []string
	for i := range k.Fields {
		if key := k.Fields[i].Key; key != "" && !slices.Contains(list, key) {
			list = append(list, key)
		}
	}
	return list
}

// Which events have which fields.
var (
	accountEvents = eventNames(event.MDMAccountLinked, event.MDMAccountUnlinked, event.MDMAccountHealthy, event.MDMAccountUnhealthy,
		event.MDMCredentialExpiring, event.MDMCredentialExpired)
	clientEvents  = slices.DeleteFunc(slices.Clone(eventTypes), func(t string) bool { return slices.Contains(accountEvents, t) })
	decidedEvents = eventNames(event.ClientPermit, event.ClientDeny)
	permitEvents  = eventNames(event.ClientPermit)
	lookupEvents  = eventNames(event.MDMLookupSuccess, event.MDMLookupFailure, event.MDMDeviceNotEnrolled)
	foundEvents   = eventNames(event.MDMLookupSuccess)
	idpEvents     = eventNames(event.IdPAuthcSuccess, event.IdPAuthcFailure, event.IdPUserDisabled, event.IdPUnreachable)
	coaEvents     = eventNames(event.CoAReauth, event.CoADisconnect)
	sessionEvents = eventNames(event.SessionStarted, event.SessionEnded, event.AccountingStart, event.AccountingUpdate, event.AccountingStop)
	certEvents    = eventNames(event.ClientPermit, event.ClientDeny, event.ClientCertCheckSuccess, event.ClientCertCheckFailure,
		event.ClientCertExpired, event.ClientCertRevoked,
		event.ClientUserCertCheckSuccess, event.ClientUserCertCheckFailure, event.ClientUserCertExpired, event.ClientUserCertRevoked,
		event.ClientMachineCertCheckSuccess, event.ClientMachineCertCheckFailure, event.ClientMachineCertExpired, event.ClientMachineCertRevoked,
		event.ServerCertValidationFailure, event.MDMLookupSuccess, event.MDMLookupFailure, event.MDMDeviceNotEnrolled)
)

func eventNames(types ...event.Type) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return names
}

// What the NAC makes of a complianceState.
var mdmStatuses = []string{"compliant", "noncompliant", "unknown"}

// acceptPackets are the names of packets that can carry a VLAN.
var acceptPackets = []string{"Access-Accept", "EAP-Success"}

// Fields that many kinds have.
var (
	actorField  = RecordField{Name: "actor", Doc: "the host that wrote the record"}
	clientField = RecordField{Name: "client", Key: "client", Doc: "the client's MAC address, as in 00:1c:b3:09:85:15"}
	nasField    = RecordField{Name: "nas", Key: "nas", Doc: "the access point or switch"}
	nasActor    = RecordField{Name: "actor", Key: "nas", Doc: "the access point or switch that wrote the record"}
	deviceField = RecordField{Name: "device", Doc: "deviceName in Intune"}
	idField     = RecordField{Name: "id", Key: "client", Doc: "the device's ID in Intune"}
)

// recordTable has every kind of record that the programs, the worlds and the runner write.
var recordTable = []RecordKind{
	{Name: "event", Principal: "type", Doc: "An event of the NAC on a client, or on the linked account, with the names of Juniper Mist's API.", Fields: []RecordField{
		actorField,
		{Name: "type", Doc: "the type of the event"},
		{Name: "mac", Key: "client", Of: clientEvents, Doc: "the client's MAC address, bare as in 001cb3098515"},
		{Name: "timestamp", Doc: "milliseconds since 1970"},
		{Name: "auth_type", Of: clientEvents, Doc: "how the client authenticates, such as eap-tls"},
		{Name: "port_type", Of: clientEvents, Doc: "wired or wireless"},
		{Name: "ssid", Of: clientEvents, Doc: "the wireless network"},
		{Name: "username", Of: clientEvents, Doc: "whose password was checked, or else the EAP identity"},
		{Name: "ap", Key: "nas", Of: clientEvents, Doc: "the access point or switch"},
		{Name: "nas_ip", Of: clientEvents, Doc: "its IP address"},
		{Name: "random_mac", Of: clientEvents, Doc: "whether the MAC address is locally administered"},
		{Name: "nacrule_name", Key: "rule", Of: decidedEvents, Doc: "the policy rule that decided"},
		{Name: "nacrule_matched", Of: decidedEvents, Doc: "whether a rule decided"},
		{Name: "vlan", Key: "vlan", Of: slices.Concat(permitEvents, sessionEvents), Doc: "the VLAN handed out, or in force"},
		{Name: "vlan_source", Of: permitEvents, Doc: "where the VLAN comes from: nactag, a label of the policy"},
		{Name: "group_role", Key: "role", Of: permitEvents, Doc: "the role handed out"},
		{Name: "resp_attrs", Of: permitEvents, Doc: "the attributes of the Access-Accept"},
		{Name: "mdm_compliance", Key: "compliance", Of: decidedEvents, Values: mdmStatuses, Doc: "what the NAC knew of the device when it decided"},
		{Name: "mdm_standing", Of: decidedEvents, Doc: "how the device stands in Intune, which mdm_compliance was made of"},
		{Name: "mdm_compliance", Key: "compliance", Of: foundEvents, Values: complianceStates, Doc: "complianceState in Intune"},
		{Name: "tls_version", Of: decidedEvents, Doc: "the TLS version of EAP-TLS, EAP-TTLS and PEAP"},
		{Name: "resumed", Of: decidedEvents, Doc: "true if an earlier TLS session was resumed"},
		{Name: "idp_username", Of: idpEvents, Doc: "whose password was checked"},
		{Name: "idp_role", Of: slices.Concat(decidedEvents, idpEvents), Doc: "the groups of the user in the directory, as a list such as [\"staff\"]"},
		{Name: "text", Of: slices.Concat(certEvents, idpEvents, accountEvents), Doc: "what is wrong, in words"},
		{Name: "cert_cn", Of: certEvents, Doc: "Common Name of the client certificate; in an event on a machine's, of that one"},
		{Name: "cert_subject", Of: certEvents, Doc: "its subject"},
		{Name: "cert_issuer", Of: certEvents, Doc: "its issuer"},
		{Name: "cert_serial", Of: certEvents, Doc: "its serial number in hexadecimal"},
		{Name: "cert_expiry", Of: certEvents, Doc: "when it expires"},
		{Name: "cert_san_dns", Of: certEvents, Doc: "its DNS names"},
		{Name: "cert_san_upn", Of: certEvents, Doc: "its user principal names"},
		{Name: "cert_san_email", Of: certEvents, Doc: "its email addresses"},
		{Name: "mdm_provider", Of: slices.Concat(lookupEvents, accountEvents), Doc: "intune"},
		{Name: "mdm_tenant", Of: accountEvents, Doc: "the tenant of the linked account"},
		{Name: "mdm_client_id", Of: foundEvents, Doc: "the device's ID in Intune"},
		{Name: "pre_mdm_compliance", Of: foundEvents, Doc: "what was known before"},
		{Name: "mdm_last_checked", Of: foundEvents, Doc: "when the record was fetched, in milliseconds since 1970"},
		{Name: "mdm_manufacturer", Of: foundEvents, Doc: "the manufacturer"},
		{Name: "mdm_model", Of: foundEvents, Doc: "the model"},
		{Name: "mdm_operating_system", Of: foundEvents, Doc: "the operating system"},
		{Name: "mdm_os_version", Of: foundEvents, Doc: "its version"},
		{Name: "lookup_time_taken", Of: lookupEvents, Doc: "how long the lookup took"},
		{Name: "session_id", Of: slices.Concat(sessionEvents, coaEvents), Doc: "Acct-Session-Id"},
		{Name: "session_started_at", Of: sessionEvents, Doc: "in milliseconds since 1970"},
		{Name: "session_ended_at", Of: eventNames(event.SessionEnded, event.AccountingStop), Doc: "in milliseconds since 1970"},
		{Name: "session_duration_in_mins", Of: eventNames(event.SessionEnded, event.AccountingStop), Doc: "in whole minutes"},
		{Name: "rx_bytes", Of: sessionEvents, Doc: "octets from the client"},
		{Name: "tx_bytes", Of: sessionEvents, Doc: "octets to the client"},
		{Name: "rx_pkts", Of: sessionEvents, Doc: "packets from the client"},
		{Name: "tx_pkts", Of: sessionEvents, Doc: "packets to the client"},
		{Name: "terminate_cause", Of: sessionEvents, Doc: "why the session ended"},
		{Name: "coa_source", Of: coaEvents, Doc: "why the change of authorization was due"},
	}},
	{Name: "decision", Principal: "result", Doc: "The NAC's verdict on an authentication.", Fields: []RecordField{
		actorField, clientField,
		{Name: "user", Doc: "whose password was checked, or else the EAP identity"},
		{Name: "auth_type", Doc: "how the client authenticates, such as eap-tls"},
		nasField,
		{Name: "result", Doc: "accept or reject"},
		{Name: "rule", Key: "rule", Doc: "the policy rule that decided"},
		{Name: "vlan", Key: "vlan", Of: []string{"accept"}, Doc: "the VLAN handed out"},
		{Name: "vlan", Of: []string{"reject"}, Doc: "empty"},
		{Name: "mdm", Key: "compliance", Values: mdmStatuses, Doc: "what the NAC knows of the device: compliant, noncompliant or unknown"},
		{Name: "standing", Doc: "how the device stands in Intune, such as inGracePeriod, or notFound, stale, retired or outdated"},
		{Name: "explanation", Doc: "the rules that were tried and why each was hit or not"},
		{Name: "inner", Doc: "how the user proved the password, such as mschapv2, or a device asked by its MAC address, such as pap"},
		{Name: "groups", Doc: "the groups of the user in the directory"},
		{Name: "machine", Doc: "the machine that has proven itself with TEAP, or was asked to"},
		{Name: "resumed", Doc: "true if an earlier TLS session was resumed"},
		{Name: "reason", Of: []string{"reject"}, Doc: "why authentication failed before the policy was asked"},
	}},
	{Name: "lookup", Principal: "result", Doc: "The NAC asked Intune about a client.", Fields: []RecordField{
		actorField, clientField,
		{Name: "key", Key: "key", List: true, Doc: "by what: mac, cn, san_dns or san_uri, or all that were tried"},
		{Name: "value", Doc: "the name or address looked for"},
		{Name: "result", Doc: "found, not_found or error"},
		{Name: "compliance", Key: "compliance", Of: []string{"found"}, Values: complianceStates, Doc: "complianceState in Intune"},
		{Name: "device", Of: []string{"found"}, Doc: "deviceName in Intune"},
		{Name: "id", Of: []string{"found"}, Doc: "the device's ID in Intune"},
		{Name: "matches", Of: []string{"found"}, Doc: "how many records the key matches, when they are several"},
		{Name: "conflict", Of: []string{"found"}, Doc: "true when they disagree"},
		{Name: "error", Of: []string{"error"}, Doc: "what went wrong"},
		{Name: "retry_in", Of: []string{"error"}, Doc: "when it is tried again"},
		{Name: "tried", Doc: "what was tried before"},
		{Name: "took", Doc: "how long it took"},
	}},
	{Name: "session", Principal: "state", Doc: "A session in the NAC changed.", Fields: []RecordField{
		actorField, clientField,
		{Name: "session", Doc: "Acct-Session-Id"},
		nasField,
		{Name: "state", Doc: "authorized (accepted), started (accounting began) or ended"},
		{Name: "vlan", Key: "vlan", Doc: "the VLAN in force"},
		{Name: "reason", Doc: "why"},
	}},
	{Name: "coa", Principal: "result", Doc: "A change of authorization: one sent for each attempt, and one with what became of it.", Fields: []RecordField{
		actorField, clientField,
		{Name: "session", Doc: "Acct-Session-Id"},
		nasField,
		{Name: "request", Doc: "CoA-Request or Disconnect-Request"},
		{Name: "result", Doc: "sent, ack, nak, timeout or skipped"},
		{Name: "attempt", Doc: "the number of the attempt"},
		{Name: "transmissions", Of: []string{"ack", "nak", "timeout"}, Doc: "how often the request was sent in this attempt"},
		{Name: "error_cause", Of: []string{"nak"}, Doc: "Error-Cause of a NAK, with its name"},
		{Name: "reason", Doc: "why nothing was sent"},
		{Name: "cause", Doc: "why the change was due"},
		{Name: "wanted_vlan", Key: "vlan", Doc: "the VLAN that the policy wants, or reject"},
		{Name: "have_vlan", Doc: "the VLAN in force"},
	}},
	{Name: "poll", Principal: "result", Doc: "The NAC asked Intune for the list of devices.", Fields: []RecordField{
		actorField,
		{Name: "devices", Doc: "how many there are"},
		{Name: "changed", Doc: "how many have changed"},
		{Name: "result", Doc: "ok or error"},
		{Name: "error", Of: []string{"error"}, Doc: "what went wrong"},
	}},
	{Name: "intune", Principal: "health", Doc: "The NAC's link to Intune was made or ended, or its health changed.", Fields: []RecordField{
		actorField,
		{Name: "tenant", Doc: "the directory that is linked"},
		{Name: "health", Doc: "unlinked, untried, healthy or unhealthy"},
		{Name: "error", Of: []string{"unhealthy"}, Doc: "what went wrong"},
	}},
	{Name: "consent", Principal: "result", Doc: "An administrator came back from giving consent, or not, for the NAC's link to Intune.", Fields: []RecordField{
		actorField,
		{Name: "result", Doc: "ok or error"},
		{Name: "tenant", Doc: "the tenant that consent was given in"},
		{Name: "error", Of: []string{"error"}, Doc: "why no account was linked"},
		{Name: "reason", Of: []string{"error"}, Doc: "the same in a word, such as denied or used_state, where the callback is to blame"},
	}},
	{Name: "credential", Principal: "state", Doc: "The secret or certificate of the NAC's app registration ends.", Fields: []RecordField{
		actorField,
		{Name: "state", Doc: "expiring or expired"},
		{Name: "text", Doc: "when, in words"},
	}},
	{Name: "api", Doc: "The NAC's HTTP API was asked to change something, or took a callback.", Fields: []RecordField{
		actorField,
		{Name: "from", Doc: "who asked"},
		{Name: "request", Doc: "method and path"},
	}},
	{Name: "revocation", Doc: "The NAC read a certificate revocation list, or asked an OCSP responder.", Fields: []RecordField{
		actorField,
		{Name: "source", Doc: "the file or URL of the list, or ocsp and the URL of the responder"},
		{Name: "result", Doc: "ok or error"},
		{Name: "lists", Doc: "how many lists the source holds"},
		{Name: "entries", Doc: "how many revoked certificates they name"},
		{Name: "serial", Doc: "the serial number of the certificate that was asked about, in hexadecimal"},
		{Name: "status", Doc: "good, revoked or unknown, as the responder says"},
		{Name: "error", Doc: "what went wrong; what was known before remains in force"},
	}},
	{Name: "ddb", Doc: "The NAC learnt something new about a device.", Fields: []RecordField{
		actorField, deviceField,
		{Name: "compliance", Key: "compliance", Doc: "complianceState in Intune, or none when the device is gone"},
		{Name: "was", Doc: "what it was before"},
		idField,
	}},
	{Name: "port", Principal: "state", Doc: "An access point or switch opened or closed the port of a client.", Fields: []RecordField{
		nasActor, clientField,
		{Name: "port", Doc: "the port, as in ap-1/corp or 3"},
		{Name: "ssid", Doc: "the wireless network"},
		{Name: "state", Doc: "unauthorized, authenticating, authorized or held"},
		{Name: "vlan", Key: "vlan", Of: []string{"authorized"}, Doc: "the VLAN that the client is in"},
		{Name: "role", Key: "role", Of: []string{"authorized"}, Doc: "the role that the client has"},
		{Name: "method", Of: []string{"authorized"}, Doc: "mab for a client that was authenticated by its MAC address"},
		{Name: "reason", Doc: "why"},
	}},
	{Name: "das", Principal: "result", Doc: "An access point or switch answered a change of authorization.", Fields: []RecordField{
		nasActor,
		{Name: "from", Doc: "the address that the request came from"},
		{Name: "request", Doc: "CoA-Request or Disconnect-Request"},
		{Name: "result", Doc: "ack, nak or dropped"},
		{Name: "error_cause", Of: []string{"nak"}, Doc: "the number of the Error-Cause"},
		clientField,
		{Name: "repeated", Doc: "true for an answer sent again to a retransmission"},
		{Name: "reason", Of: []string{"dropped"}, Doc: "why it was dropped"},
	}},
	{Name: "supplicant", Principal: "state", Doc: "A device connects, authenticates, or leaves.", Fields: []RecordField{
		actorField, clientField,
		{Name: "state", Doc: "associating, authenticating, connected, failed or disconnected"},
		{Name: "to", Doc: "where it is connected, as in ap-1 or sw-1/3"},
		{Name: "method", Of: []string{"connected", "failed"}, Doc: "the EAP method, as in tls or ttls-pap"},
		{Name: "tls", Of: []string{"connected", "failed"}, Doc: "the version of TLS, 1.2 or 1.3"},
		{Name: "resumed", Of: []string{"connected", "failed"}, Doc: "true if an earlier TLS session was resumed"},
		{Name: "reason", Doc: "why"},
	}},
	{Name: "check_in", Principal: "complianceState", Doc: "A device checked in with Intune.", Fields: []RecordField{
		actorField, deviceField,
		{Name: "complianceState", Doc: "what the check-in ended in"},
		{Name: "was", Doc: "complianceState before"},
		{Name: "failing", List: true, Doc: "the facts that are not as required"},
		idField,
	}},
	{Name: "device", Principal: "change", Doc: "A device, or its record in Intune, was changed.", Fields: []RecordField{
		actorField,
		{Name: "device", Key: "client", Doc: "deviceName in Intune"},
		{Name: "change", Doc: "enrolled, posture, renamed, evaluated, retire or wipe pending or issued, or removed"},
		{Name: "id", Doc: "the device's ID in Intune"},
		{Name: "was", Of: []string{"renamed"}, Doc: "the name before"},
		{Name: "complianceState", Of: []string{"enrolled", "evaluated"}, Doc: "what it is without a check-in of now"},
		{Name: "was", Of: []string{"evaluated"}, Doc: "complianceState before"},
		{Name: "failing", Of: []string{"evaluated"}, List: true, Doc: "the facts that are not as required"},
		{Name: "azureADDeviceId", Of: []string{"enrolled"}, Doc: "the device's ID in Entra ID"},
		{Name: "wiFiMacAddress", Of: []string{"enrolled"}, Doc: "the Wi-Fi MAC address on record"},
		{Name: "ethernetMacAddress", Of: []string{"enrolled"}, Doc: "the Ethernet MAC address on record"},
		{Name: "antivirus", Of: []string{"posture"}, Doc: "true or false"},
		{Name: "firewall", Of: []string{"posture"}, Doc: "true or false"},
		{Name: "encryption", Of: []string{"posture"}, Doc: "true or false"},
		{Name: "patch_level", Of: []string{"posture"}, Doc: "the date of the latest security update"},
		{Name: "real_time_protection", Of: []string{"posture"}, Doc: "true or false"},
		{Name: "password", Of: []string{"posture"}, Doc: "true or false"},
		{Name: "secure_boot", Of: []string{"posture"}, Doc: "true or false"},
		{Name: "code_integrity", Of: []string{"posture"}, Doc: "true or false"},
		{Name: "tpm", Of: []string{"posture"}, Doc: "true or false"},
		{Name: "jailbroken", Of: []string{"posture"}, Doc: "true or false"},
		{Name: "os_version", Of: []string{"posture"}, Doc: "the version that runs"},
		{Name: "threat_level", Of: []string{"posture"}, Doc: "secured, low, medium or high"},
	}},
	{Name: "compliance_policy", Doc: "The compliance policies in Intune were changed.", Fields: []RecordField{
		actorField,
		{Name: "policies", Doc: "their names"},
		{Name: "at_once", Doc: "true if all devices are evaluated now, not at their next check-in"},
	}},
	{Name: "packet", Doc: "A datagram or frame, when it was sent.", Fields: []RecordField{
		actorField,
		{Name: "link", Doc: "the link, as in udp, cable:sw-1/3 or radio:corp"},
		{Name: "proto", Doc: "RADIUS, EAPOL, 802.11, Ethernet or UDP"},
		{Name: "name", Doc: "what it is, as in Access-Request"},
		{Name: "summary", Doc: "what it says, in a line"},
		{Name: "from", Key: "from", Doc: "the host that sent it"},
		{Name: "to", Key: "to", Doc: "the host that it is for; empty for a group"},
		{Name: "src", Doc: "the address that it comes from"},
		{Name: "dst", Doc: "the address that it is for"},
		{Name: "len", Doc: "octets"},
		{Name: "client", Key: "client", Doc: "the MAC address of the client that it is about; in an answer of RADIUS, that of the request"},
		{Name: "tls_protected", Doc: "true for RADIUS inside of a TLS connection"},
		{Name: "malformed", Doc: "why it cannot be read"},
		{Name: "fate", Doc: "lost, duplicated or delayed"},
		{Name: "note", Doc: "how it came to its fate"},
		{Name: "code", Doc: "the code of RADIUS"},
		{Name: "id", Doc: "the identifier of RADIUS"},
		{Name: "padding", Doc: "octets after the RADIUS packet"},
		{Name: "vlan", Key: "vlan", Of: acceptPackets, Doc: "the VLAN in an Access-Accept"},
		{Name: "attributes", Members: radius.AttributeNames(), Doc: "the attributes of RADIUS, by name"},
		{Name: "eap", Doc: "the EAP packet in it, as in EAP-Request/Identity"},
		{Name: "eap_id", Doc: "the identifier of EAP"},
		{Name: "identity", Doc: "the identity in it"},
		{Name: "wanted", Doc: "the methods that a Nak asks for"},
		{Name: "tls", Doc: "the TLS messages that can be seen"},
		{Name: "tls_length", Doc: "the length of a fragmented TLS message"},
		{Name: "tls_version", Doc: "the TLS version, in a ServerHello"},
		{Name: "tls_alert", Doc: "a TLS alert"},
		{Name: "key_message", Doc: "which message of the handshake an EAPOL-Key frame is"},
		{Name: "replay_counter", Doc: "the replay counter of an EAPOL-Key frame"},
		{Name: "vlan_tag", Doc: "the IEEE 802.1Q tag"},
		{Name: "bssid", Doc: "the BSSID of 802.11"},
		{Name: "ssid", Doc: "the SSID of 802.11"},
		{Name: "reason", Doc: "the reason code of 802.11"},
		{Name: "status", Doc: "the status code of 802.11"},
		{Name: "auth_sequence", Doc: "the number of an Authentication frame"},
	}},
	{Name: "http", Doc: "An HTTP request of the NAC.", Fields: []RecordField{
		actorField,
		{Name: "method", Doc: "the method"},
		{Name: "url", Doc: "the address"},
		{Name: "status", Doc: "the status of the answer"},
		{Name: "error", Doc: "why there was no answer"},
		{Name: "took", Doc: "how long it took"},
	}},
	{Name: "token", Doc: "The token endpoint answered.", Fields: []RecordField{
		actorField,
		{Name: "client_id", Doc: "the application that asked"},
		{Name: "result", Doc: "issued or refused"},
		{Name: "error", Doc: "why it was refused"},
	}},
	{Name: "drop", Doc: "A program dropped what it received.", Fields: []RecordField{
		actorField,
		{Name: "from", Doc: "where it came from"},
		{Name: "method", Doc: "of an HTTP request"},
		{Name: "path", Doc: "of an HTTP request"},
		{Name: "reason", Doc: "why it was dropped"},
		{Name: "count", Doc: "how many by now"},
	}},
	{Name: "warning", Doc: "A program did something that is not safe, as its configuration wants it.", Fields: []RecordField{
		actorField,
		{Name: "from", Doc: "who caused it"},
		{Name: "reason", Doc: "what is not safe about it"},
		{Name: "count", Doc: "how many by now"},
	}},
	{Name: "radsec", Principal: "state", Doc: "A connection for RADIUS over TLS opened or ended, as the NAS or the NAC sees it.", Fields: []RecordField{
		actorField,
		{Name: "to", Doc: "the server that the NAS connects to"},
		{Name: "from", Doc: "the address that connects to the NAC"},
		{Name: "nas", Doc: "the client that the NAC takes it for"},
		{Name: "state", Doc: "open or closed; failed where the NAS could not connect, refused where the NAC did not let it"},
		{Name: "tls", Of: []string{"open"}, Doc: "the TLS version"},
		{Name: "radius", Of: []string{"open"}, Doc: "the version of RADIUS, 1.0 or 1.1"},
		{Name: "subject", Of: []string{"open"}, Doc: "of the certificate of the NAS"},
		{Name: "reason", Of: []string{"closed", "refused"}, Doc: "why"},
		{Name: "error", Doc: "why, in detail"},
		{Name: "count", Doc: "how many have ended for this reason by now"},
	}},
	{Name: "fault", Doc: "The network or Microsoft did something wrong, as the scenario asked.", Fields: []RecordField{
		actorField,
		{Name: "rule", Doc: "of a packet step: drop, duplicate or delay"},
		{Name: "match", Doc: "of a packet step: what it matched"},
		{Name: "from", Doc: "of a packet step: the sender"},
		{Name: "to", Doc: "of a packet step: the receiver"},
		{Name: "decision", Doc: "of a link with loss, duplicate or reorder: which packet it hit"},
		{Name: "fault", Doc: "of a graph step: its name in the catalogue of faults"},
		{Name: "path", Doc: "of a graph step: what was asked for"},
		{Name: "status", Doc: "of a graph step: the HTTP status"},
		{Name: "retry_after", Doc: "of a graph step: Retry-After"},
		{Name: "delay", Doc: "of a graph step: how late the answer was"},
	}},
	{Name: "crash", Doc: "A host lost power.", Fields: []RecordField{{Name: "actor", Key: "client", Doc: "the host"}}},
	{Name: "restart", Doc: "A host booted again.", Fields: []RecordField{{Name: "actor", Key: "client", Doc: "the host"}}},
	{Name: "scenario", runner: true, Doc: "The run begins.", Fields: []RecordField{
		actorField,
		{Name: "name", Doc: "the name of the file"},
		{Name: "title", Doc: "its title"},
	}},
	{Name: "step", runner: true, Doc: "A step of the scenario.", Fields: []RecordField{
		actorField,
		{Name: "index", Doc: "its number"},
		{Name: "line", Doc: "its line in the file"},
		{Name: "verb", Doc: "what it does"},
		{Name: "what", Doc: "the same in words"},
	}},
	{Name: "expect", runner: true, Doc: "The verdict on an expectation.", Fields: []RecordField{
		actorField,
		{Name: "index", Doc: "the number of the step"},
		{Name: "line", Doc: "its line in the file"},
		{Name: "result", Doc: "pass or fail"},
		{Name: "want", Doc: "what was expected"},
		{Name: "waited", Doc: "how long it took"},
		{Name: "got", Doc: "what was there instead"},
	}},
	{Name: "note", runner: true, Doc: "The note of a step.", Fields: []RecordField{
		actorField,
		{Name: "text", Doc: "the note"},
	}},
}

// RecordReference is the reference of the records for people: each kind with its fields.
func RecordReference() string {
	var b strings.Builder
	for i := range recordTable {
		k := &recordTable[i]
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(k.Name + ": " + k.Doc + "\n")
		for j := range k.Fields {
			k.Fields[j].describe(&b)
		}
	}
	return b.String()
}

func (f *RecordField) describe(b *strings.Builder) {
	const column = 26
	name := f.Name
	if f.Members != nil {
		name += ".*"
	}
	b.WriteString("  " + name + strings.Repeat(" ", max(1, column-len(name))) + f.Doc)
	if f.Key != "" && f.Key != f.Name {
		b.WriteString(" [key " + f.Key + "]")
	}
	if len(f.Of) > 0 && len(f.Of) <= 3 {
		b.WriteString(" (" + strings.Join(f.Of, ", ") + ")")
	}
	b.WriteByte('\n')
}
