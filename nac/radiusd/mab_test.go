package radiusd

import (
	"crypto/md5"
	"crypto/tls"
	"errors"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/radius"
	"nacsim/nac/eapserver"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// ask sends an Access-Request without EAP and returns the reply.
func (b *bench) ask(change func(p *lr.Packet)) *lr.Packet {
	b.t.Helper()
	p, wire := b.request(change)
	reply, drop := b.handle(Auth, apAddr, wire)
	if drop != "" {
		b.t.Fatalf("server drops the request: %s", drop)
	}
	r, err := radius.ParseReply(reply, p, true)
	if err != nil {
		b.t.Fatal(err)
	}
	if reply[radius.MinLength] != 80 {
		b.t.Errorf("first attribute of the reply is %d, not Message-Authenticator", reply[radius.MinLength])
	}
	return r
}

// request makes a signed Access-Request.
func (b *bench) request(change func(p *lr.Packet)) (*lr.Packet, []byte) {
	b.t.Helper()
	b.requests++
	p, _ := radius.NewRequest(lr.CodeAccessRequest, byte(b.requests), secret, &counter{n: uint32(b.requests) << 8})
	change(p)
	wire, err := radius.EncodeRequest(p)
	if err != nil {
		b.t.Fatal(err)
	}
	return p, wire
}

func addPassword(p *lr.Packet, password string) {
	a, err := lr.NewUserPassword([]byte(password), p.Secret, p.Authenticator[:])
	if err != nil {
		panic(err)
	}
	p.Add(rfc2865.UserPassword_Type, a)
}

// addCHAP adds CHAP-Password; without a challenge it is the Request Authenticator.
func addCHAP(p *lr.Packet, password string, challenge []byte) {
	c := challenge
	if c == nil {
		c = p.Authenticator[:]
	}
	sum := md5.Sum(append(append([]byte{7}, password...), c...))
	p.Add(rfc2865.CHAPPassword_Type, append(lr.Attribute{7}, sum[:]...))
	if challenge != nil {
		p.Add(rfc2865.CHAPChallenge_Type, challenge)
	}
}

// TestMAB has the forms of MAC authentication bypass that NASes send.
func TestMAB(t *testing.T) {
	const calling = "00-1C-B3-09-85-15"
	pap := func(password string) func(*lr.Packet) { return func(p *lr.Packet) { addPassword(p, password) } }
	chap := func(password, challenge string) func(*lr.Packet) {
		return func(p *lr.Packet) {
			if challenge == "" {
				addCHAP(p, password, nil)
			} else {
				addCHAP(p, password, []byte(challenge))
			}
		}
	}
	all := MAB{PAP: true, CHAP: true}
	for _, c := range []struct {
		name, user, calling string
		mab                 MAB
		password            func(*lr.Packet)
		form                string // empty means that it is refused
	}{
		{"PAP as in User-Name", "001cb3098515", calling, all, pap("001cb3098515"), "pap"},
		{"PAP in another case", "001cb3098515", calling, all, pap("001CB3098515"), "pap"},
		{"PAP with colons", "00:1c:b3:09:85:15", calling, all, pap("00:1c:b3:09:85:15"), "pap"},
		{"PAP of Cisco", "001c.b309.8515", "001c.b309.8515", all, pap("001c.b309.8515"), "pap"},
		{"PAP with another address", "001cb3098515", calling, all, pap("001cb3098516"), ""},
		{"PAP with an empty password", "001cb3098515", calling, all, pap(""), ""},
		{"PAP with the password of the site", "001cb3098515", calling, MAB{PAP: true, Password: "printers"}, pap("printers"), "pap"},
		{"PAP with the address in place of the password", "001cb3098515", calling, MAB{PAP: true, Password: "printers"}, pap("001cb3098515"), ""},
		{"PAP, which is off", "001cb3098515", calling, MAB{CHAP: true, EAPMD5: true}, pap("001cb3098515"), ""},
		{"CHAP with the Request Authenticator", "001cb3098515", calling, all, chap("001cb3098515", ""), "chap"},
		{"CHAP with CHAP-Challenge", "001cb3098515", calling, all, chap("001cb3098515", "0123456789abcdef"), "chap"},
		{"CHAP in upper case", "00-1c-b3-09-85-15", calling, all, chap("00-1C-B3-09-85-15", ""), "chap"},
		{"CHAP with another address", "001cb3098515", calling, all, chap("001cb3098516", ""), ""},
		{"CHAP with the password of the site", "001cb3098515", calling, MAB{CHAP: true, Password: "printers"}, chap("printers", "01"), "chap"},
		{"CHAP, which is off", "001cb3098515", calling, MAB{PAP: true}, chap("001cb3098515", ""), ""},
		{"of another device", "001cb3098516", calling, all, pap("001cb3098516"), ""},
		{"without Calling-Station-Id", "001cb3098515", "", all, pap("001cb3098515"), ""},
		{"without a password", "001cb3098515", calling, all, func(*lr.Packet) {}, ""},
		{"CHAP-Password cut", "001cb3098515", calling, all, func(p *lr.Packet) { p.Add(rfc2865.CHAPPassword_Type, lr.Attribute{1, 2}) }, ""},
		{"User-Password cut", "001cb3098515", calling, all, func(p *lr.Packet) { p.Add(rfc2865.UserPassword_Type, lr.Attribute{1, 2}) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, func(config *Config) { config.MAB = c.mab })
			reply := b.ask(func(p *lr.Packet) {
				p.Add(rfc2865.UserName_Type, lr.Attribute(c.user))
				if c.calling != "" {
					p.Add(rfc2865.CallingStationID_Type, lr.Attribute(c.calling))
				}
				p.Add(rfc2865.ServiceType_Type, lr.NewInteger(uint32(rfc2865.ServiceType_Value_CallCheck)))
				c.password(p)
			})
			if c.form == "" {
				if reply.Code != lr.CodeAccessReject || len(b.handler.accesses) != 0 || len(b.handler.failures) != 1 {
					t.Fatalf("got %v, handler was asked %d times and told of %v", reply.Code, len(b.handler.accesses), b.handler.failures)
				}
				return
			}
			if reply.Code != lr.CodeAccessAccept || len(b.handler.accesses) != 1 {
				t.Fatalf("got %v, handler is told of %v", reply.Code, b.handler.failures)
			}
			if a := b.handler.accesses[0]; a.Method != "mab" || a.Inner != c.form || a.Identity != c.user || a.Request.ClientMAC.String() != "00:1c:b3:09:85:15" {
				t.Errorf("handler is asked about %+v", a)
			}
			if vlan, _ := radius.VLAN(reply.Attributes); vlan != "750" {
				t.Errorf("VLAN is %q", vlan)
			}
			if _, ok := radius.VSA(reply.Attributes, radius.VendorMicrosoft, 17); ok {
				t.Error("there are keys in the Access-Accept")
			}
			if b.engine.Conversations() != 0 {
				t.Error("MAB leaves a conversation")
			}
		})
	}
}

// TestMABSent: the handler can still refuse when the NAS is about to be told, and a refusal is told to it too.
func TestMABSent(t *testing.T) {
	device := func(p *lr.Packet) {
		p.Add(rfc2865.UserName_Type, lr.Attribute("001cb3098515"))
		p.Add(rfc2865.CallingStationID_Type, lr.Attribute("001cb3098515"))
		addPassword(p, "001cb3098515")
	}
	for _, c := range []struct {
		accept bool
		err    error
		want   lr.Code
	}{{true, nil, lr.CodeAccessAccept}, {true, errors.New("full"), lr.CodeAccessReject}, {false, nil, lr.CodeAccessReject}} {
		b := newBench(t, func(config *Config) { config.MAB.PAP = true })
		sent := 0
		b.handler.verdict = Verdict{Accept: c.accept, VLAN: "7", Sent: func() error { sent++; return c.err }}
		reply := b.ask(device)
		if reply.Code != c.want || sent != 1 {
			t.Errorf("accept %v, error %v: got %v, handler told %d times", c.accept, c.err, reply.Code, sent)
		}
		if _, ok := radius.VLAN(reply.Attributes); ok != (c.want == lr.CodeAccessAccept) {
			t.Errorf("accept %v, error %v: VLAN is there: %v", c.accept, c.err, ok)
		}
	}
}

// md5Response answers an EAP-MD5 challenge as a NAS does in the device's place (RFC 3748 section 5.4).
func md5Response(request []byte, password string) []byte {
	size := int(request[5])
	sum := md5.Sum(append(append([]byte{request[1]}, password...), request[6:6+size]...))
	return eap.Packet{Code: eap.Response, ID: request[1], Type: eap.TypeMD5, Data: append([]byte{md5.Size}, sum[:]...)}.Append(nil)
}

// TestMABByEAPMD5: a NAS may authenticate a device by EAP-MD5. There is no way to log in as a user with the address.
func TestMABByEAPMD5(t *testing.T) {
	for _, c := range []struct {
		name, identity, password string
		mab                      MAB
		start                    bool // the NAS sends EAP-Start first
		want                     lr.Code
	}{
		{"the address", "001cb3098515", "001cb3098515", MAB{EAPMD5: true}, false, lr.CodeAccessAccept},
		{"the address, after EAP-Start", "001cb3098515", "001cb3098515", MAB{EAPMD5: true}, true, lr.CodeAccessAccept},
		{"the password of the site", "001cb3098515", "printers", MAB{EAPMD5: true, Password: "printers"}, false, lr.CodeAccessAccept},
		{"another password", "001cb3098515", "guess", MAB{EAPMD5: true}, false, lr.CodeAccessReject},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, func(config *Config) { config.MAB = c.mab })
			n := b.nas(tls.VersionTLS13, 1)
			n.extra[0] = text(rfc2865.UserName_Type, c.identity)
			id := byte(1)
			if c.start {
				id = n.exchange(nil)[1]
			}
			request := n.exchange(eap.Packet{Code: eap.Response, ID: id, Type: eap.TypeIdentity, Data: []byte(c.identity)}.Append(nil))
			if p, err := eap.Parse(request); err != nil || p.Type != eap.TypeMD5 {
				t.Fatalf("server proposes %v, error %v", p.Type, err)
			}
			n.exchange(md5Response(request, c.password))
			if n.reply.Code != c.want {
				t.Fatalf("got %v, failures %v", n.reply.Code, b.handler.failures)
			}
			if c.want != lr.CodeAccessAccept {
				if len(b.handler.failures) != 1 || b.handler.failures[0].Reason != eapserver.BadCredentials || b.handler.rejected[0].Method != "mab" {
					t.Errorf("handler is told of %v", b.handler.failures)
				}
				return
			}
			if a := b.handler.accesses[0]; a.Method != "mab" || a.Inner != "eap-md5" || a.Identity != c.identity || a.User != "" {
				t.Errorf("handler is asked about %+v", a)
			}
			if _, ok := radius.VSA(n.reply.Attributes, radius.VendorMicrosoft, 17); ok {
				t.Error("there are keys in the Access-Accept")
			}
		})
	}
}

// TestNoEAPMD5 holds that EAP-MD5 is for devices only, and only where it is wanted.
func TestNoEAPMD5(t *testing.T) {
	for _, c := range []struct {
		name, identity string
		mab            MAB
		want           eap.Type
	}{
		{"a user", "anna", MAB{EAPMD5: true}, eap.TypeTLS},
		{"another device", "001cb3098516", MAB{EAPMD5: true}, eap.TypeTLS},
		{"not wanted", "001cb3098515", MAB{PAP: true, CHAP: true}, eap.TypeTLS},
	} {
		b := newBench(t, func(config *Config) { config.MAB = c.mab; config.EAP.Directory = users(t) })
		n := b.nas(tls.VersionTLS13, 1)
		request := n.exchange(identity(c.identity))
		if p, _ := eap.Parse(request); p.Type != c.want {
			t.Errorf("%s: server proposes %v", c.name, p.Type)
		}
		n.exchange(eap.Packet{Code: eap.Response, ID: request[1], Type: eap.TypeLegacyNAK, Data: []byte{byte(eap.TypeMD5)}}.Append(nil))
		if n.reply.Code != lr.CodeAccessReject {
			t.Errorf("%s: a NAK that wants EAP-MD5 gets %v", c.name, n.reply.Code)
		}
	}
	b := newBench(t, func(config *Config) { config.MAB.EAPMD5 = true; config.EAP.Directory = users(t) })
	n := b.nas(tls.VersionTLS13, 1)
	request := n.exchange(identity("001cb3098515"))
	n.exchange(eap.Packet{Code: eap.Response, ID: request[1], Type: eap.TypeLegacyNAK, Data: []byte{byte(eap.TypeTTLS), byte(eap.TypePEAP)}}.Append(nil))
	if n.reply.Code != lr.CodeAccessChallenge {
		t.Errorf("a client that says its MAC address in the clear and wants EAP-TTLS gets %v", n.reply.Code)
	}
}
