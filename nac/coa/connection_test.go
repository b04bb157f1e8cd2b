package coa

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/internal/radius"
	"nacsim/internal/radsec"
	"nacsim/nac/event"
	"nacsim/nac/session"

	lr "layeh.com/radius"
	"layeh.com/radius/rfc2866"
)

// A line is a connection to a NAS that answers requests in the order of its codes.
type line struct {
	t       *testing.T
	codes   []lr.Code
	cause   radius.ErrorCause
	err     error
	asked   []lr.Code
	waiting time.Duration
}

func (l *line) Exchange(request *lr.Packet, deadline time.Time) (*lr.Packet, error) {
	if string(request.Secret) != radsec.Secret || rfc2866.AcctSessionID_GetString(request) == "" {
		l.t.Errorf("request is %+v", request)
	}
	l.asked = append(l.asked, request.Code)
	l.waiting = deadline.Sub(epoch)
	if l.err != nil {
		return nil, l.err
	}
	reply := radius.NewReply(request, l.codes[0])
	l.codes = l.codes[1:]
	if l.cause != 0 {
		radius.SetErrorCause(reply, l.cause)
	}
	return reply, nil
}

// TestConnection: the NAS of a session that came by RadSec is asked on its connection, once, and by nothing else.
func TestConnection(t *testing.T) {
	reauth, disconnect := lr.CodeCoARequest, lr.CodeDisconnectRequest
	for _, c := range []struct {
		name  string
		line  *line
		want  Result
		asked []lr.Code
	}{
		{"ACK", &line{codes: []lr.Code{lr.CodeCoAACK}}, Result{Outcome: Acked, Kind: Reauth, Transmissions: 1}, []lr.Code{reauth}},
		{"NAK", &line{codes: []lr.Code{lr.CodeCoANAK}, cause: radius.SessionContextNotFound},
			Result{Outcome: Nacked, Kind: Reauth, ErrorCause: radius.SessionContextNotFound, Transmissions: 1}, []lr.Code{reauth}},
		{"not understood", &line{codes: []lr.Code{lr.CodeCoANAK, lr.CodeDisconnectACK}, cause: radius.UnsupportedExtension},
			Result{Outcome: Acked, Kind: Disconnect, Transmissions: 1}, []lr.Code{reauth, disconnect}},
		{"another code", &line{codes: []lr.Code{lr.CodeAccessAccept}},
			Result{Outcome: TimedOut, Kind: Reauth, Transmissions: 1, Reason: "coa: Access-Accept in answer to CoA-Request"}, []lr.Code{reauth}},
		{"silence", &line{err: host.ErrTimeout}, Result{Outcome: TimedOut, Kind: Reauth, Transmissions: 1}, []lr.Code{reauth}},
		{"end of the connection", &line{err: &radsec.Error{Reason: radsec.Idle}},
			Result{Outcome: TimedOut, Kind: Reauth, Transmissions: 1, Reason: "radsec: connection ended: idle"}, []lr.Code{reauth}},
		{"no connection", nil, Result{Outcome: TimedOut, Kind: Reauth, Reason: "the NAS has no connection"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &machine{answer: silent}
			o := order()
			o.Session.RadSec = true
			config := Config{Connection: func(s *session.Session) Connection {
				if c.line == nil || s.AcctSessionID != o.Session.AcctSessionID {
					return nil
				}
				c.line.t = t
				return c.line
			}}
			if got := send(t, m, config, o); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if len(m.sent) > 0 {
				t.Error("a datagram was sent")
			}
			if c.line != nil && (!reflect.DeepEqual(c.line.asked, c.asked) || c.line.waiting != 14*time.Second) {
				t.Errorf("asked are %v for %v", c.line.asked, c.line.waiting)
			}
		})
	}
}

func TestConnectionDown(t *testing.T) {
	m := &machine{now: epoch}
	s := NewSender(m, Config{Events: event.NewLog(m), Connection: func(*session.Session) Connection { return &line{t: t, err: host.ErrDown} }})
	o := order()
	o.Session.RadSec = true
	if _, err := s.Send(o); !errors.Is(err, host.ErrDown) {
		t.Errorf("got %v", err)
	}
	if _, err := NewSender(m, Config{}).Send(o); err != nil {
		t.Errorf("without connections: %v", err)
	}
}
