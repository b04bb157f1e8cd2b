package radiusd

import (
	"bytes"
	"strings"
	"testing"

	"nacsim/internal/radius"
	"nacsim/nac/credential"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// A directory keeps the questions until somebody answers them.
type directory struct {
	questions []credential.Question
	answers   []func(credential.Answer)
}

func (d *directory) Ask(q credential.Question, answer func(credential.Answer)) {
	d.questions = append(d.questions, q)
	d.answers = append(d.answers, answer)
}

func users(t testing.TB) credential.Directory {
	t.Helper()
	u, err := credential.NewUsers(credential.UsersConfig{Users: []credential.User{{Name: "anna", Password: "a long password of 32 octets or so", Groups: []string{"staff"}}}})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestPlainPasswords(t *testing.T) {
	const right = "a long password of 32 octets or so"
	for _, c := range []struct {
		name, user string
		password   func(*lr.Packet)
		method     string // empty means that it is refused
	}{
		{"PAP", "anna", func(p *lr.Packet) { addPassword(p, right) }, "pap"},
		{"CHAP", "anna", func(p *lr.Packet) { addCHAP(p, right, []byte("challenge")) }, "chap"},
		{"CHAP without CHAP-Challenge", "anna", func(p *lr.Packet) { addCHAP(p, right, nil) }, "chap"},
		{"wrong password", "anna", func(p *lr.Packet) { addPassword(p, "guess") }, ""},
		{"wrong response", "anna", func(p *lr.Packet) { addCHAP(p, "guess", nil) }, ""},
		{"unknown user", "berta", func(p *lr.Packet) { addPassword(p, right) }, ""},
		{"no password", "anna", func(*lr.Packet) {}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, func(config *Config) { config.PlainPasswords = users(t) })
			reply := b.ask(func(p *lr.Packet) {
				p.Add(rfc2865.UserName_Type, lr.Attribute(c.user))
				c.password(p)
			})
			if accepted := reply.Code == lr.CodeAccessAccept; accepted != (c.method != "") {
				t.Fatalf("got %v, handler is told of %v", reply.Code, b.handler.failures)
			}
			if c.method == "" {
				if len(b.handler.failures) != 1 || len(b.handler.accesses) != 0 {
					t.Errorf("handler is told of %v", b.handler.failures)
				}
				return
			}
			if a := b.handler.accesses[0]; a.Method != c.method || a.User != c.user || len(a.Groups) != 1 {
				t.Errorf("handler is asked about %+v", a)
			}
			if b.engine.Conversations() != 0 || b.engine.Waiting() != 0 {
				t.Error("something is left")
			}
		})
	}
	b := newBench(t)
	reply := b.ask(func(p *lr.Packet) { p.Add(rfc2865.UserName_Type, lr.Attribute("anna")); addPassword(p, right) })
	if reply.Code != lr.CodeAccessReject || !strings.Contains(b.handler.failures[0].Text, "not taken") {
		t.Errorf("without a directory: got %v, failures %v", reply.Code, b.handler.failures)
	}
}

// answers collects what a request gets.
type answers struct {
	replies [][]byte
	drops   []DropReason
}

func (a *answers) take(_ Source, reply []byte, drop DropReason) {
	if drop != "" {
		a.drops = append(a.drops, drop)
		return
	}
	a.replies = append(a.replies, reply)
}

func (b *bench) send(wire []byte) *answers {
	a := &answers{}
	b.engine.Handle(b.now, Auth, Source{Addr: apAddr}, wire, a.take)
	return a
}

func anna(p *lr.Packet) {
	p.Add(rfc2865.UserName_Type, lr.Attribute("anna"))
	addPassword(p, "secret")
}

// TestAnswerComesLater: the request gets its answer when the directory has spoken, its retransmissions are dropped
// until then and get the same octets afterwards (RFC 5080 section 2.2.2).
func TestAnswerComesLater(t *testing.T) {
	d := &directory{}
	b := newBench(t, func(c *Config) { c.PlainPasswords = d })
	p, wire := b.request(anna)
	first, again := b.send(wire), b.send(wire)
	if len(first.replies)+len(first.drops) != 0 || b.engine.Waiting() != 1 || len(d.questions) != 1 {
		t.Fatalf("got %+v with %d waiting", first, b.engine.Waiting())
	}
	if len(again.drops) != 1 || again.drops[0] != DropDuplicate || b.engine.Drops(DropDuplicate) != 1 {
		t.Errorf("retransmission gets %+v", again)
	}
	if q := d.questions[0]; q.User != "anna" || string(q.Proof.(credential.PAP).Password) != "secret" {
		t.Errorf("directory is asked about %+v", q)
	}
	d.answers[0](credential.Answer{OK: true})
	if len(first.replies) != 1 || b.engine.Waiting() != 0 || b.engine.Conversations() != 0 {
		t.Fatalf("got %+v with %d waiting", first, b.engine.Waiting())
	}
	if r, err := radius.ParseReply(first.replies[0], p, true); err != nil || r.Code != lr.CodeAccessAccept {
		t.Errorf("got %v, error %v", r, err)
	}
	if late := b.send(wire); len(late.replies) != 1 || !bytes.Equal(late.replies[0], first.replies[0]) || len(d.questions) != 1 {
		t.Errorf("late retransmission gets %+v", late)
	}
	d.answers[0](credential.Answer{OK: true}) // which a directory should not do
	if len(first.replies) != 1 {
		t.Error("answered twice")
	}
	if c := b.engine.Counters(); c.Requests != 3 || c.Accepts != 1 || c.Repeats != 1 {
		t.Errorf("counters are %+v", c)
	}
}

// TestAnswerNeverComes: a request is given up after ConversationTTL, or when the server closes, and an answer that comes
// then does nothing. A retransmission that comes later is taken up afresh.
func TestAnswerNeverComes(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*bench)
	}{
		{"time", func(b *bench) { b.now = b.now.Add(DefaultConversationTTL); b.engine.Sweep(b.now) }},
		{"close", func(b *bench) { b.engine.Close() }},
	} {
		d := &directory{}
		b := newBench(t, func(c *Config) { c.PlainPasswords = d })
		_, wire := b.request(anna)
		first := b.send(wire)
		b.engine.Sweep(b.now.Add(DefaultConversationTTL - 1))
		if len(first.drops) != 0 {
			t.Fatalf("%s: given up before its time", c.name)
		}
		c.end(b)
		if len(first.drops) != 1 || first.drops[0] != DropAbandoned || b.engine.Waiting() != 0 {
			t.Errorf("%s: got %+v with %d waiting", c.name, first, b.engine.Waiting())
		}
		d.answers[0](credential.Answer{OK: true})
		if len(first.replies) != 0 || len(b.handler.accesses) != 0 {
			t.Errorf("%s: an answer that came too late had an effect", c.name)
		}
		if again := b.send(wire); len(again.drops) != 0 || len(d.questions) != 2 {
			t.Errorf("%s: retransmission gets %+v", c.name, again)
		}
	}
}

func TestWaitingIsBounded(t *testing.T) {
	d := &directory{}
	b := newBench(t, func(c *Config) { c.PlainPasswords = d; c.MaxWaiting = 3 })
	for range 3 {
		_, wire := b.request(anna)
		b.send(wire)
	}
	_, wire := b.request(anna)
	if late := b.send(wire); len(late.drops) != 1 || late.drops[0] != DropWaitingFull || b.engine.Waiting() != 3 || b.engine.Conversations() != 3 {
		t.Errorf("request 4 of 3 gets %+v", late)
	}
	d.answers[1](credential.Answer{Reason: credential.WrongPassword, Text: "wrong password"})
	if again := b.send(wire); len(again.drops) != 0 || b.engine.Waiting() != 3 {
		t.Errorf("once there is room: %+v", again)
	}
}
