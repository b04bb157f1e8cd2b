package eapserver

import (
	"bytes"
	"crypto/md5"
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/eap/eaptest"
	"nacsim/internal/eap/peap"
	"nacsim/internal/eap/ttls"
	"nacsim/internal/mschap"
	"nacsim/nac/credential"
)

// A tunnelPeer is a client of EAP-TTLS or PEAP. What it says in the tunnel is up to inside.
type tunnelPeer struct {
	t        *testing.T
	typ      eap.Type
	config   *tls.Config
	fragment int
	inside   func(p *tunnelPeer, data []byte) []byte // nil is an acknowledgement
	eager    bool                                    // speaks first together with its Finished
	chop     int                                     // octets in a TLS record, zero for all
	seal     func([]byte) []byte                     // in place of the engine

	user, password string
	hash           [16]byte
	deaf           bool     // goes on after the success of a resumption
	step           int      // of inside
	binds          bool     // answers the Crypto-Binding TLV
	forges         bool     // with a wrong one
	key            [32]byte // of the method inside
	challenge      []byte   // what inside has to remember
	expect         string   // the server's answer to MS-CHAP-V2
	told           string   // the server's word in the tunnel: "success", "failure"
	code           eap.Code
	msk            []byte
	err            error

	framer *eap.Framer
	engine *eap.TLS
}

// respond answers a request.
func (p *tunnelPeer) respond(request []byte) []byte {
	p.t.Helper()
	r, err := eap.Parse(request)
	if err != nil {
		p.t.Fatalf("peer gets %x: %v", request, err)
	}
	if r.Code == eap.Success || r.Code == eap.Failure {
		p.code = r.Code
		if r.Code == eap.Success && p.msk == nil {
			p.msk, _, _ = p.engine.Keys(p.typ)
		}
		return nil
	}
	answer := eap.Packet{Code: eap.Response, ID: r.ID, Type: p.typ}
	if r.Type != p.typ {
		answer.Type, answer.Data = eap.TypeLegacyNAK, []byte{byte(p.typ)}
	} else {
		answer.Data = p.exchange(r.Data)
	}
	return answer.Append(nil)
}

func (p *tunnelPeer) exchange(data []byte) []byte {
	if _, ok := eap.IsStart(data); ok {
		p.close()
		p.framer, p.engine = eap.NewFramer(p.fragment), eap.NewTLSClient(p.config)
	}
	message, complete, err := p.framer.Receive(data)
	if err != nil {
		p.t.Fatalf("peer gets malformed framing: %v", err)
	}
	switch {
	case !complete:
		return p.framer.Ack()
	case p.framer.Pending():
		next, _ := p.framer.Next()
		return next
	case p.err != nil:
		return p.framer.Ack()
	}
	out, err := p.engine.Step(message)
	p.err = err
	if err == nil && p.engine.Done() && (len(out) == 0 || p.eager) {
		out = append(out, p.talk(p.engine.AppData())...)
	}
	p.framer.Send(out)
	next, _ := p.framer.Next()
	return next
}

// talk is the conversation in the tunnel.
func (p *tunnelPeer) talk(data []byte) []byte {
	if bytes.Equal(data, []byte{0}) && !p.deaf { // the success of a resumption
		p.told = "success"
		return nil
	}
	answer := p.inside(p, data)
	if answer == nil {
		return nil
	}
	n := max(len(answer), 1)
	if p.chop > 0 {
		n = p.chop
	}
	var out []byte
	if p.seal != nil {
		return p.seal(answer)
	}
	for record := range slices.Chunk(answer, n) {
		b, err := p.engine.WriteApp(record)
		if err != nil {
			p.t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

func (p *tunnelPeer) close() {
	if p.engine != nil {
		p.engine.Close()
	}
}

// implicit is the implicit challenge.
func (p *tunnelPeer) implicit(n int) []byte {
	c, err := ttls.Challenge(p.engine.State(), n)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func mandatory(vendor, code uint32, data []byte) ttls.AVP {
	return ttls.AVP{Vendor: vendor, Code: code, Mandatory: true, Data: data}
}

func message(avps ...ttls.AVP) (b []byte) {
	for _, a := range avps {
		b = a.Append(b)
	}
	return b
}

func (p *tunnelPeer) name() ttls.AVP { return mandatory(0, ttls.UserName, []byte(p.user)) }

// The ways to authenticate in EAP-TTLS without EAP.

func pap(p *tunnelPeer, _ []byte) []byte {
	padded := append([]byte(p.password), make([]byte, 16-len(p.password)%16)...)
	return message(p.name(), mandatory(0, ttls.UserPassword, padded))
}

func chap(p *tunnelPeer, _ []byte) []byte {
	c := p.implicit(17)
	sum := md5.Sum([]byte(string(c[16:]) + p.password + string(c[:16])))
	return message(p.name(), mandatory(0, ttls.CHAPChallenge, c[:16]), mandatory(0, ttls.CHAPPassword, append(c[16:17:17], sum[:]...)))
}

func mschap1(p *tunnelPeer, _ []byte) []byte {
	c := p.implicit(9)
	nt := mschap.Response([8]byte(c), p.hash)
	response := append(append([]byte{c[8], 1}, make([]byte, 24)...), nt[:]...)
	return message(p.name(), mandatory(ttls.Microsoft, ttls.MSCHAPChallenge, c[:8]), mandatory(ttls.Microsoft, ttls.MSCHAPResponse, response))
}

func mschap2(p *tunnelPeer, data []byte) []byte {
	if p.step++; p.step > 1 {
		p.readMSCHAP2(data)
		return nil
	}
	c := p.implicit(17)
	own := [16]byte{1, 2, 3, 4}
	nt := mschap.ResponseV2([16]byte(c), own, mschap.UserName(p.user), p.hash)
	p.expect = mschap.AuthenticatorResponse([16]byte(c), own, mschap.UserName(p.user), p.hash, nt)
	response := append([]byte{c[16], 0}, own[:]...)
	response = append(append(response, make([]byte, 8)...), nt[:]...)
	return message(p.name(), mandatory(ttls.Microsoft, ttls.MSCHAPChallenge, c[:16]), mandatory(ttls.Microsoft, ttls.MSCHAP2Response, response))
}

// readMSCHAP2 takes MS-CHAP2-Success or MS-CHAP-Error.
func (p *tunnelPeer) readMSCHAP2(data []byte) {
	avps, err := ttls.Parse(data)
	if err != nil || len(avps) != 1 || len(avps[0].Data) == 0 || avps[0].Data[0] != p.implicit(17)[16] {
		p.t.Fatalf("peer reads %x in the tunnel", data)
	}
	switch text := string(avps[0].Data[1:]); {
	case avps[0].Is(ttls.Microsoft, ttls.MSCHAP2Success) && text == p.expect:
		p.told = "success"
	case avps[0].Is(ttls.Microsoft, ttls.MSCHAPError) && strings.HasPrefix(text, "E=691 R=0 C="):
		p.told = "failure"
	default:
		p.t.Errorf("server says %q", text)
	}
}

// inTTLS carries an EAP method in EAP-TTLS.
func inTTLS(method func(*tunnelPeer, eap.Packet) eap.Packet) func(*tunnelPeer, []byte) []byte {
	return func(p *tunnelPeer, data []byte) []byte {
		request := eap.Packet{Code: eap.Request, Type: eap.TypeIdentity}
		if len(data) > 0 {
			avps, err := ttls.Parse(data)
			if err != nil || len(avps) != 1 {
				p.t.Fatalf("peer reads %x in the tunnel", data)
			}
			if request, err = eap.Parse(avps[0].Data); err != nil {
				p.t.Fatal(err)
			}
		}
		b := p.answer(method, request).Append(nil)
		half := len(b) / 2 // in two AVPs, as a long one may be
		return message(mandatory(0, ttls.EAPMessage, b[:half]), mandatory(0, ttls.EAPMessage, b[half:]))
	}
}

// inPEAP carries an EAP method in PEAP.
func inPEAP(method func(*tunnelPeer, eap.Packet) eap.Packet) func(*tunnelPeer, []byte) []byte {
	return func(p *tunnelPeer, data []byte) []byte {
		if len(data) == 0 {
			return nil
		}
		request, err := peap.Unwrap(eap.Request, 0, data)
		if err != nil {
			p.t.Fatalf("peer reads %x in the tunnel: %v", data, err)
		}
		return peap.Wrap(p.answer(method, request))
	}
}

// answer takes what is common to the EAP methods.
func (p *tunnelPeer) answer(method func(*tunnelPeer, eap.Packet) eap.Packet, request eap.Packet) eap.Packet {
	answer := eap.Packet{Code: eap.Response, ID: request.ID, Type: request.Type}
	switch request.Type {
	case eap.TypeIdentity:
		answer.Data = []byte(p.user)
		return answer
	case peap.TypeExtensions:
		tlvs, err := peap.ParseTLVs(request.Data)
		success, ok := peap.ResultOf(tlvs)
		if err != nil || !ok {
			p.t.Fatalf("peer reads %v", request)
		}
		p.told = "failure"
		if success {
			p.told = "success"
		}
		answer.Data = p.bind(tlvs, peap.Result(success).Append(nil))
		return answer
	}
	return method(p, request)
}

// bind adds the Crypto-Binding TLV to the answer to one.
func (p *tunnelPeer) bind(tlvs []peap.TLV, answer []byte) []byte {
	for _, v := range tlvs {
		if v.Type != peap.TLVCryptoBinding || !p.binds {
			continue
		}
		msk, _, err := p.engine.Keys(p.typ)
		if err != nil {
			p.t.Fatal(err)
		}
		b := peap.NewBinding([eap.KeyLen]byte(msk), p.key)
		if p.engine.State().DidResume {
			b = peap.ResumedBinding([eap.KeyLen]byte(msk))
		}
		if !b.Check(v, false) {
			p.t.Errorf("the server's Crypto-Binding TLV does not match")
		}
		own := b.TLV(true, [peap.NonceLen]byte{1, 2, 3})
		if p.forges {
			own.Data[len(own.Data)-1] ^= 1
		}
		p.msk = b.MSK()
		return own.Append(answer)
	}
	return answer
}

func nak(request eap.Packet, wanted eap.Type) eap.Packet {
	return eap.Packet{Code: eap.Response, ID: request.ID, Type: eap.TypeLegacyNAK, Data: []byte{byte(wanted)}}
}

func gtc(p *tunnelPeer, request eap.Packet) eap.Packet {
	if request.Type != eap.TypeGTC {
		return nak(request, eap.TypeGTC)
	}
	return eap.Packet{Code: eap.Response, ID: request.ID, Type: eap.TypeGTC, Data: []byte(p.password)}
}

func md5Inside(p *tunnelPeer, request eap.Packet) eap.Packet {
	if request.Type != eap.TypeMD5 {
		return nak(request, eap.TypeMD5)
	}
	sum := md5.Sum([]byte(string(rune(request.ID)) + p.password + string(request.Data[1:17])))
	return eap.Packet{Code: eap.Response, ID: request.ID, Type: eap.TypeMD5, Data: append([]byte{16}, sum[:]...)}
}

func eapMSCHAPv2(p *tunnelPeer, request eap.Packet) eap.Packet {
	answer := eap.Packet{Code: eap.Response, ID: request.ID, Type: eap.TypeMSCHAPv2}
	if request.Type != eap.TypeMSCHAPv2 {
		return nak(request, eap.TypeMSCHAPv2)
	}
	m, err := mschap.ParsePacket(request.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	switch m.Op {
	case mschap.OpChallenge:
		own, user := [16]byte{9, 8, 7}, mschap.UserName(p.user)
		nt := mschap.ResponseV2(m.Challenge, own, user, p.hash)
		p.expect = mschap.AuthenticatorResponse(m.Challenge, own, user, p.hash, nt)
		msk := mschap.MSK(p.hash, nt)
		p.key = [32]byte(msk[:])
		answer.Data = mschap.Packet{Op: mschap.OpResponse, ID: m.ID, Challenge: own, Response: nt, Name: p.user}.Append(nil)
	case mschap.OpSuccess:
		if !strings.HasPrefix(m.Message, p.expect+" ") {
			p.t.Errorf("server says %q, want %q", m.Message, p.expect)
		}
		answer.Data = []byte{byte(mschap.OpSuccess)}
	case mschap.OpFailure:
		if r, err := mschap.ParseRefusal(m.Message); err != nil || r.Retry || r.Code < 640 {
			p.t.Errorf("server says %q: %v", m.Message, err)
		}
		answer.Data = []byte{byte(mschap.OpFailure)}
	}
	return answer
}

// A tunnelRun plays a conversation with a client of EAP-TTLS or PEAP.
type tunnelRun struct {
	*run
	peer  *tunnelPeer
	later bool // the directory answers later
}

// directory has a few users.
func directory(t *testing.T) credential.Directory {
	t.Helper()
	u, err := credential.NewUsers(credential.UsersConfig{
		Users: []credential.User{
			{Name: "anna", Password: "geheim", Groups: []string{"staff"}},
			{Name: "gone", Password: "geheim", Disabled: true},
		},
		Realms: []string{"corp.example"}, Domains: []string{"CORP"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func newTunnelRun(t *testing.T, typ eap.Type, version uint16, inside func(*tunnelPeer, []byte) []byte) *tunnelRun {
	t.Helper()
	ca := eaptest.NewCA(t, "corp")
	p := &tunnelPeer{t: t, typ: typ, config: eaptest.ClientTLS(ca, version), fragment: 1000, inside: inside}
	p.log("anna", "geheim")
	r := &tunnelRun{run: &run{now: eaptest.Now}, peer: p}
	server := eaptest.ServerTLS(ca)
	r.server = New(Config{TLS: func() *tls.Config { return server }, FramedMTU: 1400, Directory: directory(t),
		Methods: []eap.Type{eap.TypeTLS, eap.TypeTTLS, eap.TypePEAP}})
	t.Cleanup(r.server.Close)
	t.Cleanup(p.close)
	return r
}

func (p *tunnelPeer) log(user, password string) {
	p.user, p.password, p.hash = user, password, mschap.NTHash([]byte(password))
}

// play goes from the anonymous identity to the server's last word.
func (r *tunnelRun) play(t *testing.T) *tunnelRun {
	t.Helper()
	for response := identity(1, "anonymous@corp.example"); response != nil; {
		result := r.server.Handle(r.now, response)
		if result.Kind == Waiting {
			result = r.wait(t, result, response)
		}
		if result.Kind == Authenticated {
			r.asked++
			result = r.server.Authorize(!r.refuse)
		}
		r.last = result
		switch result.Kind {
		case Challenge:
			if result.Failure != nil {
				r.warned = result.Failure
			}
		case Success:
			r.peerWas = result.Peer
		case Failed:
			r.failure = result.Failure
		default:
			t.Fatalf("server gives %v (%s) for %x", result.Kind, result.Why, response)
		}
		response = r.peer.respond(result.EAP)
	}
	return r
}

// wait has the directory answer at once or, with later, when the client has tried to disturb.
func (r *tunnelRun) wait(t *testing.T, result Result, response []byte) Result {
	t.Helper()
	if r.later {
		if r := r.server.Handle(r.now, response); r.Kind != Ignored {
			t.Errorf("a repeated response gets %v while the server waits", r.Kind)
		}
		if r := r.server.Resume(r.now); r.Kind != Ignored {
			t.Errorf("Resume before there is an answer gives %v", r.Kind)
		}
	}
	done := make(chan struct{}, 2)
	result.Wait(func() { done <- struct{}{} })
	<-done
	if len(done) > 0 {
		t.Fatal("done was called twice")
	}
	return r.server.Resume(r.now)
}

// ways has each way to authenticate in a tunnel.
var ways = []struct {
	typ    eap.Type
	inner  Inner
	inside func(*tunnelPeer, []byte) []byte
	tells  bool // the client learns the result in the tunnel
}{
	{eap.TypeTTLS, PAP, pap, false},
	{eap.TypeTTLS, CHAP, chap, false},
	{eap.TypeTTLS, MSCHAP, mschap1, false},
	{eap.TypeTTLS, MSCHAPv2, mschap2, true},
	{eap.TypeTTLS, EAPMSCHAPv2, inTTLS(eapMSCHAPv2), false},
	{eap.TypeTTLS, EAPGTC, inTTLS(gtc), false},
	{eap.TypeTTLS, EAPMD5, inTTLS(md5Inside), false},
	{eap.TypePEAP, EAPMSCHAPv2, inPEAP(eapMSCHAPv2), true},
	{eap.TypePEAP, EAPGTC, inPEAP(gtc), true},
}

// eachWay runs a test with every way and both TLS versions.
func eachWay(t *testing.T, f func(t *testing.T, r *tunnelRun, inner Inner, tells bool)) {
	for _, w := range ways {
		t.Run(w.typ.String()+"/"+string(w.inner), func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version uint16) {
				f(t, newTunnelRun(t, w.typ, version, w.inside), w.inner, w.tells)
			})
		})
	}
}
