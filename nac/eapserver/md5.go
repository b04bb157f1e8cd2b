package eapserver

import (
	"time"

	"nacsim/internal/eap"
)

// md5Method is EAP-MD5 (RFC 3748 section 5.4) as a switch uses it to authenticate a device by its MAC address. It gives
// no keys and proves nothing about the server, so users never get it.
type md5Method struct {
	config *Config
	name   string       // identity, the MAC address
	id     func() uint8 // of the outstanding request
	inner  innerMD5
	login  *login
	groups []string
}

func newMD5Method(c *Conversation) *md5Method {
	config := c.config
	if config.Devices != nil {
		config.Directory = config.Devices
	}
	m := &md5Method{config: &config, name: c.identity, id: func() uint8 { return c.id }}
	if _, err := c.config.Rand.Read(m.inner.challenge[:]); err != nil {
		return nil
	}
	return m
}

func (m *md5Method) typ() eap.Type { return eap.TypeMD5 }
func (m *md5Method) begin() []byte { return m.inner.begin() }
func (m *md5Method) close()        {}

func (m *md5Method) handle(_ time.Time, data []byte) outcome {
	s := m.inner.handle(m.id(), data)
	if s.proof == nil {
		return outcome{kind: Failed, failure: s.failure}
	}
	e := innerEAP{user: m.name}
	var o outcome
	m.login, o = m.config.ask(e.question(s, m.name))
	return o
}

func (m *md5Method) resume(time.Time) outcome {
	a := m.login.get()
	if !a.OK {
		return outcome{kind: Failed, failure: m.login.refusal(a)}
	}
	m.groups = a.Groups
	return outcome{kind: Authenticated}
}

func (m *md5Method) authorize(accept bool) outcome {
	if !accept {
		return outcome{kind: Failed, failure: &Failure{Reason: Denied, Text: "not authorized", User: m.name}}
	}
	return outcome{kind: Success}
}

func (m *md5Method) peer() *Peer {
	return &Peer{Method: eap.TypeMD5, User: m.name, Groups: m.groups}
}
