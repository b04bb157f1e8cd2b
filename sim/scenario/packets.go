package scenario

// PacketNames are the names that packets have in a scenario: those of RADIUS codes (RFC 2865, RFC 2866,
// RFC 5176), of EAP codes and methods, of EAPOL and of 802.11 frames. A RADIUS packet also has the name of the
// EAP packet it carries.
var PacketNames = []string{
	"Access-Request", "Access-Accept", "Access-Reject", "Access-Challenge",
	"Accounting-Request", "Accounting-Response",
	"CoA-Request", "CoA-ACK", "CoA-NAK",
	"Disconnect-Request", "Disconnect-ACK", "Disconnect-NAK",
	"EAP-Request/Identity", "EAP-Response/Identity",
	"EAP-Request/TLS", "EAP-Response/TLS", "EAP-Response/Nak",
	"EAP-Success", "EAP-Failure",
	"EAPOL-Start", "EAPOL-Logoff",
	"EAPOL-Key 1/4", "EAPOL-Key 2/4", "EAPOL-Key 3/4", "EAPOL-Key 4/4",
	"Probe-Request", "Probe-Response", "Authentication", "Association-Request", "Association-Response",
	"Disassociation", "Deauthentication",
}
