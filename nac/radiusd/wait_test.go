package radiusd

import (
	"crypto/tls"
	"sync"
	"testing"

	"nacsim/internal/eap"
	"nacsim/internal/radius"
	"nacsim/nac/credential"

	lr "layeh.com/radius"
)

// waiting is a client whose EAP response has come to wait for the directory.
func waiting(t *testing.T, d *directory, change ...func(*Config)) (b *bench, n *nas, response []byte, first *answers) {
	t.Helper()
	change = append(change, func(c *Config) {
		c.EAP.Directory, c.EAP.Rand = d, &counter{}
		c.EAP.MAB = func(string) bool { return true } // EAP-MD5, which is the shortest way to a question
	})
	b = newBench(t, change...)
	n = b.nas(tls.VersionTLS13, 1)
	response = md5Response(n.exchange(identity("device")), "device")
	first = b.send(n.access(response))
	if len(first.replies)+len(first.drops) != 0 || b.engine.Waiting() != 1 || len(d.answers) != 1 {
		t.Fatalf("got %+v with %d waiting", first, b.engine.Waiting())
	}
	return b, n, response, first
}

func (n *nas) isAccept(t *testing.T, reply []byte, request *lr.Packet) {
	t.Helper()
	if p, err := radius.ParseReply(reply, request, true); err != nil || p.Code != lr.CodeAccessAccept {
		t.Errorf("got %v, error %v", p, err)
	}
}

// TestConversationWaits: while the directory is asked, neither the engine nor the conversation is locked; what comes
// meanwhile for the conversation is dropped, and the same response in a new request takes the place of the old one.
func TestConversationWaits(t *testing.T) {
	d := &directory{}
	b, n, response, first := waiting(t, d)
	if other := b.send(n.access(eap.Packet{Code: eap.Response, ID: response[1], Type: eap.TypeMD5, Data: []byte{0}}.Append(nil))); len(other.drops) != 1 || other.drops[0] != DropUnexpectedEAP {
		t.Errorf("another response gets %+v", other)
	}
	wire := n.access(response)
	second := b.send(wire)
	if len(first.drops) != 1 || first.drops[0] != DropSuperseded || len(second.replies)+len(second.drops) != 0 {
		t.Fatalf("first request gets %+v, second %+v", first, second)
	}
	bystander := b.nas(tls.VersionTLS12, 9)
	bystander.extra = bystander.extra[1:]
	if bystander.exchange(identity("another")); bystander.reply.Code != lr.CodeAccessChallenge {
		t.Errorf("another client gets %v", bystander.reply.Code)
	}
	d.answers[0](credential.Answer{OK: true})
	if len(second.replies) != 1 || len(first.replies) != 0 || b.engine.Waiting() != 0 {
		t.Fatalf("first request gets %+v, second %+v", first, second)
	}
	n.isAccept(t, second.replies[0], n.request)
	if len(b.handler.accesses) != 1 || b.engine.Conversations() != 1 {
		t.Errorf("handler was asked %d times, %d conversations", len(b.handler.accesses), b.engine.Conversations())
	}
}

// TestWaitingConversationEnds: with its time, or with the server, and the late answer does nothing.
func TestWaitingConversationEnds(t *testing.T) {
	d := &directory{}
	b, n, response, first := waiting(t, d)
	b.now = b.now.Add(DefaultConversationTTL)
	b.engine.Sweep(b.now)
	if len(first.drops) != 1 || first.drops[0] != DropAbandoned || b.engine.Waiting() != 0 || b.engine.Conversations() != 0 {
		t.Fatalf("got %+v with %d waiting", first, b.engine.Waiting())
	}
	d.answers[0](credential.Answer{OK: true})
	if len(first.replies) != 0 || len(b.handler.accesses) != 0 {
		t.Error("an answer that came too late had an effect")
	}
	if n.exchange(response); n.reply.Code != lr.CodeAccessReject {
		t.Errorf("the conversation goes on with %v", n.reply.Code)
	}
}

func TestNoRoomToWait(t *testing.T) {
	d := &directory{}
	b, n, _, first := waiting(t, d, func(c *Config) { c.MaxWaiting = 1 })
	n.state = nil
	late := b.send(n.access(md5Response(n.exchange(identity("other")), "other")))
	if len(late.drops) != 1 || late.drops[0] != DropWaitingFull || len(d.answers) != 1 || b.engine.Conversations() != 1 {
		t.Errorf("second of one gets %+v, %d conversations", late, b.engine.Conversations())
	}
	d.answers[0](credential.Answer{OK: true})
	if len(first.replies) != 1 {
		t.Errorf("first gets %+v", first)
	}
}

// TestAnswersRace has directories answer, and clients send again, from many goroutines, for the race detector.
func TestAnswersRace(t *testing.T) {
	var late sync.WaitGroup
	b := newBench(t, func(c *Config) { c.PlainPasswords = lateDirectory{&late} })
	var mu sync.Mutex
	got := answers{}
	var clients sync.WaitGroup
	for range 50 {
		_, wire := b.request(anna)
		clients.Go(func() {
			for range 3 {
				b.engine.Handle(b.now, Auth, Source{Addr: apAddr}, wire, func(to Source, reply []byte, drop DropReason) {
					mu.Lock()
					defer mu.Unlock()
					got.take(to, reply, drop)
				})
			}
		})
	}
	clients.Wait()
	late.Wait()
	if n := len(got.replies) + len(got.drops); n != 150 || b.engine.Waiting() != 0 || len(b.handler.accesses) != 50 {
		t.Errorf("%d answers, %d waiting, handler was asked %d times", n, b.engine.Waiting(), len(b.handler.accesses))
	}
	for _, drop := range got.drops {
		if drop != DropDuplicate {
			t.Errorf("dropped: %s", drop)
		}
	}
}

// lateDirectory answers from a goroutine of its own.
type lateDirectory struct{ wg *sync.WaitGroup }

func (d lateDirectory) Ask(_ credential.Question, answer func(credential.Answer)) {
	d.wg.Go(func() { answer(credential.Answer{OK: true}) })
}
