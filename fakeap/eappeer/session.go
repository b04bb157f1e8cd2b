package eappeer

import "crypto/tls"

// A Session keeps the last TLS session of a client for resumption. The zero value is empty. It is as safe for
// concurrent use as the peer that it belongs to.
type Session struct{ state *tls.ClientSessionState }

// Get returns the session.
func (s *Session) Get(string) (*tls.ClientSessionState, bool) { return s.state, s.state != nil }

// Put replaces the session, or removes it when state is nil.
func (s *Session) Put(_ string, state *tls.ClientSessionState) { s.state = state }

// sessions is what crypto/tls sees of Config.Sessions during one authentication: a session becomes usable when the
// authentication has succeeded, which is after the server has sent its ticket, and after a refusal the next one does
// without.
type sessions struct {
	kept tls.ClientSessionCache
	key  string
	new  *tls.ClientSessionState
}

func (s *sessions) Get(key string) (*tls.ClientSessionState, bool) {
	s.key = key
	return s.kept.Get(key)
}

func (s *sessions) Put(key string, state *tls.ClientSessionState) {
	s.key, s.new = key, state
	if state == nil {
		s.kept.Put(key, nil)
	}
}

// end keeps what has come in a successful authentication.
func (s *sessions) end(succeeded bool) {
	switch {
	case s.kept == nil || s.key == "":
	case !succeeded:
		s.kept.Put(s.key, nil)
	case s.new != nil:
		s.kept.Put(s.key, s.new)
	}
	s.key, s.new = "", nil
}
