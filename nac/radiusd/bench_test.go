package radiusd

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"nacsim/internal/radius"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// BenchmarkMAB is a whole MAC authentication bypass by PAP through the engine.
func BenchmarkMAB(b *testing.B) {
	x := newBench(b, func(c *Config) { c.MAB.PAP = true })
	x.engine.handler = acceptor{}
	p, _ := x.request(func(p *lr.Packet) {
		p.Add(rfc2865.UserName_Type, lr.Attribute("001cb3098515"))
		addPassword(p, "001cb3098515")
		p.Add(rfc2865.NASIPAddress_Type, lr.Attribute{10, 0, 1, 1})
		p.Add(rfc2865.NASPort_Type, lr.NewInteger(7))
		p.Add(rfc2865.CallingStationID_Type, lr.Attribute("00-1C-B3-09-85-15"))
		p.Add(rfc2865.ServiceType_Type, lr.NewInteger(10))
		p.Add(rfc2865.NASPortType_Type, lr.NewInteger(15))
	})
	wires := make([][]byte, 1024)
	for i := range wires { // so that none is a duplicate
		p.Attributes = p.Attributes[:len(p.Attributes):len(p.Attributes)]
		q := *p
		binary.BigEndian.PutUint32(q.Authenticator[:], uint32(i))
		q.Del(rfc2865.UserPassword_Type)
		addPassword(&q, "001cb3098515")
		wires[i], _ = radius.EncodeRequest(&q)
	}
	answer := func(_ Source, reply []byte, drop DropReason) {
		if drop != "" || reply[0] != byte(lr.CodeAccessAccept) {
			b.Fatal(drop)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		from := netip.AddrPortFrom(apAddr.Addr(), uint16(i>>10))
		x.engine.Handle(x.now.Add(time.Duration(i)*time.Microsecond), Auth, Source{Addr: from}, wires[i&1023], answer)
	}
}

// acceptor lets everybody in and remembers nothing.
type acceptor struct{ Handler }

func (acceptor) Authorize(Access) Verdict {
	return Verdict{Accept: true, VLAN: "750", Class: []byte("0123456789abcdef")}
}

// BenchmarkOpenConversation has clients that go away, and says what each costs the server: after its first packet, which
// a flood of strangers can send, and after its ClientHello, when the handshake's coroutine is suspended; and how long it
// takes to sweep each away.
func BenchmarkOpenConversation(b *testing.B) {
	for _, rounds := range []int{1, 3} {
		b.Run(fmt.Sprintf("abandoned after %d packets", rounds), func(b *testing.B) {
			x := newBench(b, func(c *Config) { c.MaxConversations, c.MaxPerNAS, c.MaxDuplicates = 1<<30, 1<<30, 1 })
			x.engine.env.TLS = func(_ string, c *tls.Config) *tls.Config { return c }
			n := x.nas(tls.VersionTLS13, 1)
			n.exchange(identity("host/laptop"))
			n.state = nil
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			count := 0
			for b.Loop() {
				n.state, count = nil, count+1
				response := identity("host/laptop")
				for range rounds {
					response = n.peer.Respond(n.exchange(response))
				}
				n.peer.Close()
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			each := float64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse) / float64(count)
			b.ReportMetric(each, "bytes/conversation")
			b.ReportMetric(each*100_000/(1<<20), "MiB/100k")
			if x.engine.Conversations() < count {
				b.Fatal("conversations are gone")
			}
			began := time.Now()
			x.engine.Sweep(x.now.Add(DefaultConversationTTL))
			b.ReportMetric(float64(time.Since(began).Microseconds())/float64(count), "µs/sweep")
			if left := x.engine.Conversations(); left > 0 {
				b.Fatalf("%d conversations are left", left)
			}
			x.engine.Close()
		})
	}
}
