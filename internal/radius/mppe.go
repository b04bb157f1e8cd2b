package radius

import (
	"fmt"
	"io"

	lr "layeh.com/radius"
)

// Vendor types of the Microsoft key attributes (RFC 2548 section 2.4).
const (
	msMPPESendKey = 16
	msMPPERecvKey = 17
)

// mppeKeyLen is the length of each half of the MSK that the NAS gets.
const mppeKeyLen = 32

// AddMPPEKeys adds MS-MPPE-Recv-Key, MSK[0:32], and MS-MPPE-Send-Key, MSK[32:64], to the reply p, hidden with its
// Secret and its Authenticator, which must still be that of the request (RFC 2548 section 2.4.2). The salts are read
// from rand; their top bit is set and they differ.
func AddMPPEKeys(p *lr.Packet, msk []byte, rand io.Reader) error {
	if len(msk) < 2*mppeKeyLen {
		return fmt.Errorf("radius: MSK of %d octets, at least %d", len(msk), 2*mppeKeyLen)
	}
	var salts [4]byte
	if _, err := io.ReadFull(rand, salts[:]); err != nil {
		return fmt.Errorf("radius: no randomness for the key salts: %w", err)
	}
	recv, send := salts[:2], salts[2:]
	recv[0] |= 0x80
	send[0] |= 0x80
	if recv[0] == send[0] && recv[1] == send[1] {
		send[1] ^= 1
	}
	if err := addKey(p, msMPPERecvKey, msk[:mppeKeyLen], recv); err != nil {
		return err
	}
	return addKey(p, msMPPESendKey, msk[mppeKeyLen:2*mppeKeyLen], send)
}

func addKey(p *lr.Packet, typ byte, key, salt []byte) error {
	// RFC 2548 hides the key as RFC 2868 later hid the tunnel password.
	a, err := lr.NewTunnelPassword(key, salt, p.Secret, p.Authenticator[:])
	if err != nil {
		return fmt.Errorf("radius: hiding MS-MPPE key: %w", err)
	}
	return AddVSA(p, VendorMicrosoft, typ, a)
}

// MPPEKeys returns the keys in the reply to a request. Together, recv first, they are the first 64 octets of
// the MSK; recv is the PMK of IEEE 802.11. The error wraps [ErrNoAttribute] when a key is absent.
func MPPEKeys(reply lr.Attributes, request *lr.Packet) (recv, send []byte, err error) {
	if recv, err = key(reply, msMPPERecvKey, request); err != nil {
		return nil, nil, fmt.Errorf("MS-MPPE-Recv-Key: %w", err)
	}
	if send, err = key(reply, msMPPESendKey, request); err != nil {
		return nil, nil, fmt.Errorf("MS-MPPE-Send-Key: %w", err)
	}
	return recv, send, nil
}

func key(attrs lr.Attributes, typ byte, request *lr.Packet) ([]byte, error) {
	a, ok := VSA(attrs, VendorMicrosoft, typ)
	if !ok {
		return nil, ErrNoAttribute
	}
	k, _, err := lr.TunnelPassword(a, request.Secret, request.Authenticator[:])
	return k, err
}
