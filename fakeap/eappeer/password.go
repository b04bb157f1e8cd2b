package eappeer

import (
	"crypto/md5"
)

// md5Method is MD5-Challenge (RFC 3748 section 5.4).
type md5Method struct {
	password string
	answered bool
}

func (m *md5Method) respond(id uint8, data []byte) ([]byte, bool) {
	if len(data) < 2 || data[0] == 0 || len(data) < 1+int(data[0]) {
		return nil, false
	}
	m.answered = true
	return append([]byte{md5.Size}, chapResponse(id, m.password, data[1:1+data[0]])...), true
}

// chapResponse is the response of CHAP (RFC 1994 section 4.1).
func chapResponse(id uint8, password string, challenge []byte) []byte {
	b := append([]byte{id}, password...)
	sum := md5.Sum(append(b, challenge...))
	return sum[:]
}

func (m *md5Method) succeeded() bool                     { return m.answered }
func (m *md5Method) keys() (msk, emsk []byte, err error) { return nil, nil, nil }
func (m *md5Method) failure() (string, bool)             { return "", false }
func (m *md5Method) close()                              {}

// gtcMethod is Generic Token Card (RFC 3748 section 5.6), with the password as the token, as servers use it.
type gtcMethod struct {
	password string
	answered bool
}

func (m *gtcMethod) respond(uint8, []byte) ([]byte, bool) {
	m.answered = true
	return []byte(m.password), true
}

func (m *gtcMethod) succeeded() bool                     { return m.answered }
func (m *gtcMethod) keys() (msk, emsk []byte, err error) { return nil, nil, nil }
func (m *gtcMethod) failure() (string, bool)             { return "", false }
func (m *gtcMethod) close()                              {}
