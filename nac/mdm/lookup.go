package mdm

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"nacsim/internal/host"
	"nacsim/nac/identity"
)

// A Lookup is the end of one attempt to look a client up.
type Lookup struct {
	// Client is as given to Enqueue, and Keys are the keys looked for.
	Client string
	Keys   []identity.Key
	// Found says that Key matched Record. When it is false and Err is nil, Intune does not know the client.
	Found  bool
	Key    identity.Key
	Record Record
	// Matches is the number of records that Key matches: more than one is ambiguous.
	Matches int
	// Err is why the attempt failed; RetryIn is when the next one begins, 0 when there is none because the client
	// has been forgotten.
	Err     error
	RetryIn time.Duration
	// Took is the time from Enqueue to here.
	Took time.Duration
}

// Enqueue asks for a client to be looked up in the background, after it has authenticated. The client is its MAC
// address as in traces; the keys are those of identity.Extract, in their order. Without keys nothing happens.
//
// A client that was found before with the same keys, and whose record is not older than FreshFor, is not looked
// up again: [Service.State] knows all there is. Otherwise the lookup is repeated until Graph has answered or
// Forget is called; it goes on after a restart.
func (s *Service) Enqueue(name string, keys []identity.Key) {
	if name == "" || len(keys) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, changed := s.remember(name, keys)
	c.gone = false
	now := s.h.Now()
	if !changed && c.Found {
		if r, _, matches := s.db.resolve(c.Keys); matches > 0 && now.Sub(r.FetchedAt) <= s.cfg.FreshFor {
			return
		}
	}
	if c.running {
		c.again = c.again || changed
		if changed || !c.Pending { // not pending: it was forgotten meanwhile
			if !c.Pending {
				c.Pending, c.started = true, now
			}
			_ = s.saveClient(name, c) // see Forget
		}
		return
	}
	if c.Pending && !changed {
		return // queued, or waiting to be repeated
	}
	c.cancel()
	c.Pending, c.started = true, now
	if s.saveClient(name, c) == nil {
		s.enqueue(name, c)
	}
}

// Forget ends the lookups of a client whose session has ended. Polls go on to keep its device's record up to date.
func (s *Service) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clients[name]
	if c == nil {
		return
	}
	c.gone = true
	if c.Pending {
		c.cancel()
		c.again = false
		// Should the store refuse, the machine is going down; the lookup is made once after the restart.
		_ = s.saveClient(name, c)
	}
}

// enqueue hands a client to the workers. Without a linked account it stays pending. The caller holds the lock.
func (s *Service) enqueue(name string, c *client) {
	if c.queued || c.running || s.link.Tenant == "" {
		return
	}
	c.queued = true
	// Clients that were forgotten to make room for others leave their names behind.
	if len(s.queue) >= 2*s.cfg.MaxClients {
		s.queue = slices.DeleteFunc(s.queue, func(name string) bool { return s.clients[name] == nil })
	}
	s.queue = append(s.queue, name)
	if s.workers < s.cfg.Workers {
		s.workers++
		s.h.Go("mdm/lookup", s.work)
	}
}

// work looks clients up until the queue is empty.
func (s *Service) work() {
	for {
		name, c, keys, epoch := s.next()
		if c == nil {
			return
		}
		tried, err := s.lookup(keys, epoch)
		s.finish(name, c, keys, epoch, tried, err)
	}
}

// next takes a client from the queue, or ends the worker.
func (s *Service) next() (name string, c *client, keys []identity.Key, epoch int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 {
		name := s.queue[0]
		s.queue = s.queue[1:]
		c := s.clients[name]
		if c == nil {
			continue
		}
		c.queued = false
		if c.Pending && !c.running {
			c.running = true
			return name, c, c.Keys, s.epoch
		}
	}
	s.queue = nil
	s.workers--
	return "", nil, nil, 0
}

// finish books the result of one attempt and reports it.
func (s *Service) finish(name string, c *client, keys []identity.Key, epoch int, tried []string, err error) {
	if errors.Is(err, host.ErrDown) {
		return // the lookup is pending in the store and goes on after the restart
	}
	done := Lookup{Client: name, Keys: keys, Err: err}
	s.mu.Lock()
	if epoch != s.epoch { // another account is linked now, or none
		c.running = false
		s.enqueue(name, c)
		s.mu.Unlock()
		return
	}
	status := s.note(err, false)
	done.Took = s.h.Now().Sub(c.started)
	c.running = false
	outdated, missing, quiet := c.again, false, false
	c.again = false
	switch {
	case outdated:
		c.failures = 0
		s.enqueue(name, c)
	case err == nil:
		done.Record, done.Key, done.Matches = s.db.resolve(keys)
		done.Found = done.Matches > 0
		c.cancel()
		s.stand(&done.Record, s.h.Now())
		missing = !done.Found && (!c.Missing || s.outdatedFinding(c, s.h.Now()))
		c.Found, c.Missing, c.Asked = done.Found, !done.Found, s.h.Now()
		s.watchFinding(c)
		s.health.lastLookup = c.Asked
		if s.clients[name] == c {
			_ = s.saveClient(name, c) // see Forget
		}
	case c.Pending:
		c.failures++
		done.RetryIn = s.backoff(c.failures, err)
		// With an open circuit this was no attempt, and has been told before.
		quiet = c.failures > 1 && errors.As(err, new(*Closed))
		c.retry = s.h.AfterFunc(done.RetryIn, func() { s.retry(name, c) })
	}
	s.mu.Unlock()
	if status != nil {
		s.tellLink(*status)
	}
	if !outdated && !quiet {
		s.traceLookup(&done, tried)
		s.observer.LookupDone(done)
	}
	if missing {
		s.tellStanding([]string{name}, noSuchDevice)
	}
}

// retry repeats a failed lookup.
func (s *Service) retry(name string, c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[name] == c && c.Pending && s.link.Tenant != "" {
		c.retry = nil
		s.enqueue(name, c)
	}
}

func (s *Service) traceLookup(l *Lookup, tried []string) {
	fields := make([]slog.Attr, 0, 10)
	fields = append(fields, slog.String("client", l.Client))
	switch {
	case l.Err != nil:
		fields = append(fields, slog.String("key", kinds(l.Keys)), slog.String("value", values(l.Keys)), slog.String("result", "error"),
			slog.String("error", l.Err.Error()), slog.String("retry_in", l.RetryIn.Round(time.Millisecond).String()))
	case l.Found:
		fields = append(fields, slog.String("key", string(l.Key.Kind)), slog.String("value", l.Key.Value), slog.String("result", "found"),
			slog.String("compliance", l.Record.ComplianceState), slog.String("device", l.Record.DeviceName), slog.String("id", l.Record.ID))
		if l.Matches > 1 {
			fields = append(fields, slog.Int("matches", l.Matches))
		}
		if l.Record.Conflict {
			fields = append(fields, slog.Bool("conflict", true))
		}
	default:
		fields = append(fields, slog.String("key", kinds(l.Keys)), slog.String("value", values(l.Keys)), slog.String("result", "not_found"))
	}
	if len(tried) > 0 {
		fields = append(fields, slog.String("tried", strings.Join(tried, ", ")))
	}
	s.h.Trace("lookup", append(fields, slog.String("took", l.Took.String()))...)
}

func kinds(keys []identity.Key) string {
	return joinKeys(keys, func(k identity.Key) string { return string(k.Kind) })
}

func values(keys []identity.Key) string {
	return joinKeys(keys, func(k identity.Key) string { return k.Value })
}

func joinKeys(keys []identity.Key, part func(identity.Key) string) string {
	var b strings.Builder
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(part(k))
	}
	return b.String()
}
