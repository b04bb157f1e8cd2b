package interop

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"
)

// relay stands between one NAS and a server and plays the network between them: it can send each request again
// after it has been answered, and lose the reply to one. It keeps what it has seen.
type relay struct {
	addr    netip.AddrPort // where the NAS sends to
	replays int            // how often each request is sent again
	lose    int            // the request, counted from 1, of which the first reply is lost; zero means none

	mu        sync.Mutex
	exchanges []exchange
}

// exchange is a request and all replies to it.
type exchange struct {
	request []byte
	replies [][]byte
	times   int // how often the NAS has sent the request
}

// start listens, and relays until the test is over.
func (r *relay) start(t *testing.T, server netip.AddrPort) {
	t.Helper()
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(anyPort))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	nas, upstream := listen(), listen()
	r.addr = nas.LocalAddr().(*net.UDPAddr).AddrPort()
	done := make(chan error, 1)
	go func() { done <- r.relay(nas, upstream, server) }()
	t.Cleanup(func() {
		nas.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("relay: %v", err)
		}
		upstream.Close()
	})
}

// relay takes one request after the other, as a NAS with one client sends them.
func (r *relay) relay(nas, upstream *net.UDPConn, server netip.AddrPort) error {
	b := make([]byte, 4096)
	for {
		n, from, err := nas.ReadFromUDPAddrPort(b)
		if err != nil {
			return err
		}
		reply, err := r.exchange(upstream, server, bytes.Clone(b[:n]))
		if err != nil {
			return err
		}
		if reply == nil {
			continue
		}
		if _, err := nas.WriteToUDPAddrPort(reply, from); err != nil {
			return err
		}
	}
}

// exchange sends a request once and the replays, each after the reply to the one before, and returns the first
// reply, or nil if that is to be lost.
func (r *relay) exchange(upstream *net.UDPConn, server netip.AddrPort, request []byte) ([]byte, error) {
	var replies [][]byte
	for range 1 + r.replays {
		if _, err := upstream.WriteToUDPAddrPort(request, server); err != nil {
			return nil, err
		}
		b := make([]byte, 4096)
		if err := upstream.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return nil, err
		}
		n, _, err := upstream.ReadFromUDPAddrPort(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, errors.New("the server does not answer")
		} else if err != nil {
			return nil, err
		}
		replies = append(replies, b[:n])
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.find(request)
	e.times++
	e.replies = append(e.replies, replies...)
	if len(r.exchanges) == r.lose && e.times == 1 && e == &r.exchanges[len(r.exchanges)-1] {
		return nil, nil
	}
	return replies[0], nil
}

// find returns the exchange of a request, which may be a new one.
func (r *relay) find(request []byte) *exchange {
	for i := range r.exchanges {
		if bytes.Equal(r.exchanges[i].request, request) {
			return &r.exchanges[i]
		}
	}
	r.exchanges = append(r.exchanges, exchange{request: request})
	return &r.exchanges[len(r.exchanges)-1]
}

// seen returns the exchanges so far.
func (r *relay) seen() []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]exchange(nil), r.exchanges...)
}
