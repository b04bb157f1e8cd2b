package nac

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nacsim/internal/eap/eaptest"
	"nacsim/internal/radius"
	"nacsim/nac/eapserver"
	"nacsim/nac/radiusd"

	lr "layeh.com/radius"
)

// FuzzAccounting has one NAS say anything about sessions: it must not end, start or change that of a client of another.
func FuzzAccounting(f *testing.F) {
	b := newBench(f)
	server := eaptest.ServerTLS(b.ca)
	engine, err := radiusd.NewEngine(radiusd.Config{
		Clients: []radiusd.Client{{Prefix: netip.MustParsePrefix("10.0.1.0/24"), Secret: []byte("secret")}},
		EAP:     eapserver.Config{TLS: func() *tls.Config { return server }},
	}, radiusd.Env{Now: b.m.Now, TLS: b.m.TLS, Rand: strings.NewReader("")}, b.n)
	if err != nil {
		f.Fatal(err)
	}
	b.m.quiet = true
	if err := b.authorize(request("10.0.1.1", laptopMAC, "A1"), "laptop").Sent(); err != nil {
		f.Fatal(err)
	}
	want, _ := b.n.sessions.ByClient(laptopMAC)
	identifiers := "\x20\x06ap-1\x1f\x13" + laptopMAC + "\x2c\x04A1"
	f.Add([]byte("\x28\x06\x00\x00\x00\x01" + identifiers))
	f.Add([]byte("\x28\x06\x00\x00\x00\x02" + identifiers))
	f.Add([]byte("\x28\x06\x00\x00\x00\x03" + identifiers + "\x2a\x06\xff\xff\xff\xff\x34\x06\xff\xff\xff\xff"))
	f.Add([]byte("\x28\x06\x00\x00\x00\x07" + identifiers[:6]))
	f.Add([]byte("\x28\x06\x00\x00\x00\x02\x20\x06ap-1\x2c\x04A1\x29\x06\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, attributes []byte) {
		b.m.now = b.m.now.Add(time.Minute)
		p, err := lr.ParseAttributes(attributes)
		if err != nil {
			return
		}
		record := &lr.Packet{Code: lr.CodeAccountingRequest, Secret: []byte("secret"), Attributes: p}
		wire, err := radius.EncodeRequest(record)
		if err != nil {
			return
		}
		from := radiusd.Source{Addr: netip.MustParseAddrPort("10.0.1.2:1646")}
		engine.Handle(b.m.now, radiusd.Acct, from, wire, func(radiusd.Source, []byte, radiusd.DropReason) {})
		if got, ok := b.n.sessions.ByClient(laptopMAC); !ok || got.Key() != want.Key() || !got.AuthorizedAt.Equal(want.AuthorizedAt) || got.StartedAt != want.StartedAt {
			t.Fatalf("the session of another NAS is %+v", got)
		}
	})
}
