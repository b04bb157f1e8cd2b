package radius

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// counter is a source of "randomness" for tests: 1, 2, 3, …
type counter byte

func (c *counter) Read(b []byte) (int, error) {
	for i := range b {
		*c++
		b[i] = byte(*c)
	}
	return len(b), nil
}

var secret = []byte("xyzzy5461")

// The examples of the RFCs; all use the secret above.
const (
	rfc2865_7_1Request = `01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a 01 06 6e 65 6d 6f 02 12 0d be 70 8d
		93 d4 13 ce 31 96 e4 3f 78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03`
	rfc2865_7_1Reply = `02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00 00 00
		0e 06 c0 a8 01 03`
	rfc2865_7_2Request = `01 01 00 47 2a ee 86 f0 8d 0d 55 96 9c a5 97 8e 0d 33 67 a2 01 08 66 6c 6f 70 73 79 03 13 16 e9
		75 57 c3 16 18 58 95 f2 93 ff 63 44 07 72 75 04 06 c0 a8 01 10 05 06 00 00 00 14 06 06 00 00 00 02 07 06 00 00 00 01`
	rfc2865_7_2Reply = `02 01 00 38 15 ef bc 7d ab 26 cf a3 dc 34 d9 c0 3c 86 01 a4 06 06 00 00 00 02 07 06 00 00 00 01
		08 06 ff ff ff fe 0a 06 00 00 00 02 0d 06 00 00 00 01 0c 06 00 00 05 dc`
	rfc5997_6_1Request = `0c da 00 26 8a 54 f4 68 6f b3 94 c5 28 66 e3 02 18 5d 06 23 50 12 5a 66 5e 2e 1e 84 11 f3 e2 43
		82 20 97 c8 4f a3`
	rfc5997_6_1Reply   = `02 da 00 14 ef 0d 55 2a 4b f2 d6 93 ec 2b 6f e8 b5 41 1d 66`
	rfc5997_6_2Request = `0c b3 00 26 92 5f 6b 66 dd 5f ed 57 1f cb 1d b7 ad 38 82 60 50 12 e8 d6 ea bd a9 10 87 5c d9 1f
		da de 26 36 78 58`
)

func TestRFCExamples(t *testing.T) {
	for _, c := range []struct{ name, request, reply string }{
		{"RFC 2865 7.1", rfc2865_7_1Request, rfc2865_7_1Reply},
		{"RFC 2865 7.2", rfc2865_7_2Request, rfc2865_7_2Reply},
		{"RFC 5997 6.1", rfc5997_6_1Request, rfc5997_6_1Reply},
	} {
		t.Run(c.name, func(t *testing.T) {
			request, err := ParseRequest(unhex(t, c.request), secret, false)
			if err != nil {
				t.Fatalf("request: %v", err)
			}
			if _, err := ParseReply(unhex(t, c.reply), request, false); err != nil {
				t.Errorf("reply: %v", err)
			}
			if _, err := ParseReply(unhex(t, c.reply), request, true); !errors.Is(err, ErrNoMessageAuthenticator) {
				t.Errorf("reply without Message-Authenticator: got %v", err)
			}
		})
	}
	if _, err := ParseRequest(unhex(t, rfc5997_6_2Request), secret, true); err != nil {
		t.Errorf("RFC 5997 6.2 request: %v", err)
	}
}

func TestPasswordOfRFC2865(t *testing.T) {
	p, err := ParseRequest(unhex(t, rfc2865_7_1Request), secret, false)
	if err != nil {
		t.Fatal(err)
	}
	if pw := rfc2865.UserPassword_GetString(p); pw != "arctangent" {
		t.Errorf("password is %q", pw)
	}
}

// exchange is a request of each code with a reply to it, signed here.
func exchange(t testing.TB, code, replyCode lr.Code) (request *lr.Packet, requestWire, replyWire []byte) {
	t.Helper()
	request, err := NewRequest(code, 7, secret, new(counter))
	if err != nil {
		t.Fatal(err)
	}
	request.Add(typeProxyState, lr.Attribute("one"))
	request.Add(rfc2865.UserName_Type, lr.Attribute("nemo"))
	request.Add(typeProxyState, lr.Attribute("two"))
	if code == lr.CodeDisconnectRequest || code == lr.CodeCoARequest {
		SetEventTimestamp(request, time.Unix(1_770_000_000, 0))
	}
	if requestWire, err = EncodeRequest(request); err != nil {
		t.Fatal(err)
	}
	reply := NewReply(request, replyCode)
	reply.Add(rfc2865.ReplyMessage_Type, lr.Attribute("hello"))
	if replyWire, err = EncodeReply(reply); err != nil {
		t.Fatal(err)
	}
	return request, requestWire, replyWire
}

var exchanges = []struct{ request, reply lr.Code }{
	{lr.CodeAccessRequest, lr.CodeAccessAccept},
	{lr.CodeAccessRequest, lr.CodeAccessReject},
	{lr.CodeAccessRequest, lr.CodeAccessChallenge},
	{lr.CodeAccountingRequest, lr.CodeAccountingResponse},
	{lr.CodeStatusServer, lr.CodeAccessAccept},
	{lr.CodeCoARequest, lr.CodeCoAACK},
	{lr.CodeCoARequest, lr.CodeCoANAK},
	{lr.CodeDisconnectRequest, lr.CodeDisconnectACK},
	{lr.CodeDisconnectRequest, lr.CodeDisconnectNAK},
}

// TestSignAndVerify: what is signed here verifies here, Message-Authenticator comes first (RFC 3579 section 3.2),
// layeh agrees on the authenticators, and any flipped bit of request or reply is noticed.
func TestSignAndVerify(t *testing.T) {
	for _, c := range exchanges {
		t.Run(CodeName(c.request)+" "+CodeName(c.reply), func(t *testing.T) {
			request, requestWire, replyWire := exchange(t, c.request, c.reply)
			for _, b := range [][]byte{requestWire, replyWire} {
				if first := b[20] == 80 && b[21] == 18; first != signsMessage(lr.Code(b[0])) {
					t.Errorf("first attribute is %d of length %d", b[20], b[21])
				}
			}
			if !lr.IsAuthenticRequest(requestWire, secret) || !lr.IsAuthenticResponse(replyWire, requestWire, secret) {
				t.Error("layeh does not verify it")
			}
			got, err := ParseRequest(append(bytes.Clone(requestWire), 0, 0, 0), secret, true) // padded
			if err != nil || got.Authenticator != request.Authenticator {
				t.Fatalf("request: %v", err)
			}
			reply, err := ParseReply(append(bytes.Clone(replyWire), 0), request, true)
			if err != nil {
				t.Fatalf("reply: %v", err)
			}
			var proxies []string
			for _, a := range reply.Attributes {
				if a.Type == typeProxyState {
					proxies = append(proxies, string(a.Attribute))
				}
			}
			if !slices.Equal(proxies, []string{"one", "two"}) {
				t.Errorf("reply carries Proxy-State %q", proxies)
			}
			flipEveryBit(t, requestWire, func(b []byte) error { _, err := ParseRequest(b, secret, true); return err })
			flipEveryBit(t, replyWire, func(b []byte) error { _, err := ParseReply(b, request, true); return err })
			if _, err := ParseRequest(requestWire, []byte("other"), true); err == nil {
				t.Error("request verifies with another secret")
			}
			if _, err := ParseReply(replyWire, &lr.Packet{Identifier: 7, Secret: secret}, true); err == nil {
				t.Error("reply verifies for another request")
			}
		})
	}
}

func flipEveryBit(t *testing.T, wire []byte, verify func([]byte) error) {
	t.Helper()
	for i := range len(wire) * 8 {
		b := bytes.Clone(wire)
		b[i/8] ^= 1 << (i % 8)
		if verify(b) == nil {
			t.Errorf("octet %d bit %d may be flipped", i/8, i%8)
		}
	}
}

// TestDisconnectVector is a Disconnect-Request laid out by hand from RFC 5176 section 2.3: the Request
// Authenticator is MD5 over the packet with sixteen zero octets in its place and the secret.
func TestDisconnectVector(t *testing.T) {
	p, _ := NewRequest(lr.CodeDisconnectRequest, 99, []byte("testing123"), nil)
	p.Add(rfc2865.UserName_Type, lr.Attribute("bob"))
	b, err := EncodeRequest(p)
	if err != nil {
		t.Fatal(err)
	}
	if want := unhex(t, "28 63 00 2b"); !bytes.Equal(b[:4], want) {
		t.Errorf("header is %x, want %x", b[:4], want)
	}
	// Computed with: printf '\x28\x63\x00\x2b<16 zeros>\x50\x12<16 zeros>\x01\x05bob' | openssl dgst -md5 -hmac testing123
	if want := unhex(t, disconnectMessageAuthenticator); !bytes.Equal(b[22:38], want) {
		t.Errorf("Message-Authenticator is %x, want %x", b[22:38], want)
	}
	if want := unhex(t, disconnectAuthenticator); !bytes.Equal(b[4:20], want) {
		t.Errorf("Request Authenticator is %x, want %x", b[4:20], want)
	}
}

func TestMessageAuthenticatorIsDemanded(t *testing.T) {
	bare := func(code lr.Code, eap bool) []byte {
		p := &lr.Packet{Code: code, Identifier: 1, Secret: secret}
		if eap {
			AddEAPMessage(p, []byte{2, 1, 0, 5, 1})
		}
		b, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		name    string
		wire    []byte
		require bool
		want    error
	}{
		{"Access-Request with EAP-Message", bare(lr.CodeAccessRequest, true), false, ErrNoMessageAuthenticator},
		{"Access-Request, required", bare(lr.CodeAccessRequest, false), true, ErrNoMessageAuthenticator},
		{"Access-Request, not required", bare(lr.CodeAccessRequest, false), false, nil},
		{"Status-Server", bare(lr.CodeStatusServer, false), false, ErrNoMessageAuthenticator},
		{"Accounting-Request", bare(lr.CodeAccountingRequest, false), true, nil},
		{"Disconnect-Request, required", bare(lr.CodeDisconnectRequest, false), true, ErrNoMessageAuthenticator},
		{"Disconnect-Request, not required", bare(lr.CodeDisconnectRequest, false), false, nil},
		{"a reply", bare(lr.CodeAccessAccept, false), false, ErrCode},
	} {
		if _, err := ParseRequest(c.wire, secret, c.require); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	big := lr.Attributes{}
	for range 17 {
		big.Add(typeProxyState, make(lr.Attribute, 253))
	}
	for _, c := range []struct {
		name string
		p    *lr.Packet
	}{
		{"no secret", &lr.Packet{Code: lr.CodeAccessRequest}},
		{"too long", &lr.Packet{Code: lr.CodeAccessRequest, Secret: secret, Attributes: big}},
		{"long attribute", &lr.Packet{Code: lr.CodeAccessRequest, Secret: secret, Attributes: lr.Attributes{{Type: 1, Attribute: make(lr.Attribute, 254)}}}},
		{"a reply as request", &lr.Packet{Code: lr.CodeAccessAccept, Secret: secret}},
	} {
		if _, err := EncodeRequest(c.p); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
	if _, err := EncodeReply(&lr.Packet{Code: lr.CodeAccessRequest, Secret: secret}); err == nil {
		t.Error("a request as reply: no error")
	}
	if _, err := NewRequest(lr.CodeAccessRequest, 1, secret, bytes.NewReader(nil)); err == nil {
		t.Error("no randomness: no error")
	}
}

func TestReplyToAnother(t *testing.T) {
	request, _, reply := exchange(t, lr.CodeAccessRequest, lr.CodeAccessAccept)
	request.Identifier++
	if _, err := ParseReply(reply, request, true); !errors.Is(err, ErrNotRequested) {
		t.Errorf("got %v, want %v", err, ErrNotRequested)
	}
}

func BenchmarkChallenge(b *testing.B) {
	request, wire, _ := exchange(b, lr.CodeAccessRequest, lr.CodeAccessChallenge)
	eap := make([]byte, 1400)
	b.ReportAllocs()
	for b.Loop() {
		p, err := ParseRequest(wire, secret, true)
		if err != nil {
			b.Fatal(err)
		}
		reply := NewReply(p, lr.CodeAccessChallenge)
		AddEAPMessage(reply, eap)
		if _, err := EncodeReply(reply); err != nil {
			b.Fatal(err)
		}
	}
	_ = request
}

// The sums of TestDisconnectVector, computed with openssl.
const (
	disconnectMessageAuthenticator = "815501e01f581655e4df429a55949256"
	disconnectAuthenticator        = "f7fc1b3c61f214ad9750ab4d92af234f"
)

// Test cases 1, 2 and 6 (a key longer than a block) of RFC 2202 section 2.
func TestHMACMD5(t *testing.T) {
	for _, c := range []struct{ key, data, want string }{
		{strings.Repeat("\x0b", 16), "Hi There", "9294727a3638bb1c13f48ef8158bfc9d"},
		{"Jefe", "what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"},
		{strings.Repeat("\xaa", 80), "Test Using Larger Than Block-Size Key - Hash Key First", "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
	} {
		for cut := range len(c.data) {
			if got := hmacMD5([]byte(c.key), []byte(c.data[:cut]), []byte(c.data[cut:])); hex.EncodeToString(got[:]) != c.want {
				t.Fatalf("%q cut at %d: %x, want %s", c.data, cut, got, c.want)
			}
		}
	}
}
