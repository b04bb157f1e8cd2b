package radiusd

import (
	"crypto/md5"
	"errors"
	"testing"

	"nacsim/internal/radius"

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
