package eapol

import (
	"encoding/binary"
	"errors"
)

// KeyInfo is the Key Information field of an EAPOL-Key frame (IEEE 802.11-2020 figure 12-33).
type KeyInfo uint16

// Bits of KeyInfo.
const (
	// KeyVersionMask selects the key descriptor version; 2 is HMAC-SHA1-128 and AES key wrap, for AKM
	// 00-0F-AC:1 with CCMP.
	KeyVersionMask KeyInfo = 0x0007
	KeyVersionAES  KeyInfo = 2
	KeyPairwise    KeyInfo = 1 << 3
	KeyInstall     KeyInfo = 1 << 6
	KeyAck         KeyInfo = 1 << 7
	KeyMIC         KeyInfo = 1 << 8
	KeySecure      KeyInfo = 1 << 9
	KeyError       KeyInfo = 1 << 10
	KeyRequest     KeyInfo = 1 << 11
	KeyEncrypted   KeyInfo = 1 << 12
)

// DescriptorRSN is the descriptor type of RSN EAPOL-Key frames.
const DescriptorRSN = 2

const (
	keyFixedLen = 95
	micOffset   = 77
	micLen      = 16
)

// Key is the body of an EAPOL-Key frame with a 128-bit MIC.
type Key struct {
	Descriptor uint8
	Info       KeyInfo
	// Length is the length in octets of the pairwise key to install, 16 for CCMP; 0 when there is none.
	Length        uint16
	ReplayCounter uint64
	Nonce         [32]byte
	IV            [16]byte
	RSC           [8]byte
	MIC           [16]byte
	// Data aliases the parsed slice.
	Data []byte
}

// Errors of ParseKey.
var (
	ErrKeyShort      = errors.New("eapol: EAPOL-Key body is shorter than its 95 fixed octets")
	ErrKeyDescriptor = errors.New("eapol: EAPOL-Key descriptor type is not 2 (RSN)")
	ErrKeyData       = errors.New("eapol: EAPOL-Key data length differs from the octets present")
)

// ParseKey reads the body of a PDU of TypeKey.
func ParseKey(body []byte) (Key, error) {
	if len(body) < keyFixedLen {
		return Key{}, ErrKeyShort
	}
	if body[0] != DescriptorRSN {
		return Key{}, ErrKeyDescriptor
	}
	k := Key{
		Descriptor:    body[0],
		Info:          KeyInfo(binary.BigEndian.Uint16(body[1:3])),
		Length:        binary.BigEndian.Uint16(body[3:5]),
		ReplayCounter: binary.BigEndian.Uint64(body[5:13]),
		Nonce:         [32]byte(body[13:45]),
		IV:            [16]byte(body[45:61]),
		RSC:           [8]byte(body[61:69]),
		MIC:           [16]byte(body[micOffset : micOffset+micLen]),
		Data:          body[keyFixedLen:],
	}
	if int(binary.BigEndian.Uint16(body[93:95])) != len(k.Data) {
		return Key{}, ErrKeyData
	}
	return k, nil
}

// Append writes the body to dst and returns the extended slice. The eight reserved octets are zero.
func (k Key) Append(dst []byte) []byte {
	dst = append(dst, k.Descriptor)
	dst = binary.BigEndian.AppendUint16(dst, uint16(k.Info))
	dst = binary.BigEndian.AppendUint16(dst, k.Length)
	dst = binary.BigEndian.AppendUint64(dst, k.ReplayCounter)
	dst = append(dst, k.Nonce[:]...)
	dst = append(dst, k.IV[:]...)
	dst = append(dst, k.RSC[:]...)
	dst = append(dst, make([]byte, 8)...)
	dst = append(dst, k.MIC[:]...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(k.Data)))
	return append(dst, k.Data...)
}

// KeyMICField returns the MIC field of a whole PDU (header and key body) so that it can be zeroed before the MIC
// is computed over the PDU, and filled in after. It is nil when the PDU is too short to have one.
func KeyMICField(pdu []byte) []byte {
	const start = headerLen + micOffset
	if len(pdu) < headerLen+keyFixedLen {
		return nil
	}
	return pdu[start : start+micLen]
}
