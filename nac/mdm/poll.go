package mdm

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"nacsim/internal/host"
)

// A Poll is the end of one attempt to poll Intune.
type Poll struct {
	// Devices is the number of devices in Intune's list, and Changed the number of records of the DDB that changed.
	Devices int
	Changed int
	// Err is why the attempt failed; it then changed nothing.
	Err error
}

// pollState is what is remembered between polls.
type pollState struct {
	last time.Time // when the last successful poll began
	size int       // the number of devices in it
	next time.Time // when the next is due
	// wanted says that somebody has asked for a poll: it is made even if no client is known.
	wanted bool
	wake   host.Signal
	// short are the sizes of the latest lists, which were refused because they were short.
	short []int
}

func (p *pollState) load(store host.Store) error {
	value, err := store.Get(keyPoll)
	if err == nil && value != nil {
		err = p.last.UnmarshalText(value)
	}
	if err != nil {
		return err
	}
	if value, err = store.Get(keyListed); err == nil && value != nil {
		p.size, err = strconv.Atoi(string(value))
	}
	return err
}

func (p *pollState) save(store host.Store) error {
	if err := store.Put(keyListed, strconv.AppendInt(nil, int64(p.size), 10)); err != nil {
		return err
	}
	text, err := p.last.MarshalText()
	if err != nil {
		return err
	}
	return store.Put(keyPoll, text)
}

// pollTask polls every PollInterval, counted from the last poll before a restart, and when it is woken up. A failed poll
// is repeated with back-off.
func (s *Service) pollTask() {
	s.mu.Lock()
	slot := s.h.Now()
	if !s.poll.last.IsZero() && s.poll.last.Before(slot) {
		slot = s.poll.last
	}
	s.poll.next = s.pollAt(slot.Add(s.cfg.PollInterval))
	s.mu.Unlock()
	for failures := 0; s.waitForPoll(); {
		err := s.Poll()
		if errors.Is(err, host.ErrDown) {
			return
		}
		s.mu.Lock()
		now := s.h.Now()
		for !slot.After(now) {
			slot = slot.Add(s.cfg.PollInterval)
		}
		if err == nil {
			failures = 0
			s.poll.next = s.pollAt(slot)
		} else {
			failures++
			s.poll.next = now.Add(s.backoff(failures, err))
		}
		s.mu.Unlock()
	}
}

// maxPollJitter bounds what is added to the time of a poll.
const maxPollJitter = 30 * time.Second

// pollAt adds the jitter of polls to a time. The caller holds the lock.
func (s *Service) pollAt(slot time.Time) time.Time {
	return slot.Add(share(min(s.cfg.PollInterval/100, maxPollJitter), s.pollJitter))
}

// waitForPoll waits until a poll is due, and reports whether one is: the machine may go down instead.
func (s *Service) waitForPoll() bool {
	for {
		s.mu.Lock()
		next, now := s.poll.next, s.h.Now()
		if _, ok := s.linked(); !ok {
			next = time.Time{} // until there is a link
		}
		wake := s.poll.wake
		s.mu.Unlock()
		if !next.IsZero() && !next.After(now) {
			return true
		}
		if err := wake.Wait(next); err != nil && !errors.Is(err, host.ErrTimeout) {
			return false
		}
	}
}

// PollNow has the next poll begin at once, in the background, even if no client is known: it shows whether the link
// works. Without a link it does nothing.
func (s *Service) PollNow() {
	s.mu.Lock()
	s.poll.next, s.poll.wanted = s.h.Now(), true
	wake := s.poll.wake
	s.mu.Unlock()
	wake.Set()
}

// Poll asks Intune for all devices now and brings the records of the clients that have authenticated up to date. It
// blocks until that is done; a second call waits for the first. Without such clients it does nothing. A poll that fails
// changes nothing; so does one whose list is refused because it is short, see Config.ShortList.
func (s *Service) Poll() error {
	_, err := s.polling.do(s.h, "", func() (struct{}, error) { return struct{}{}, s.readAndApply() })
	return err
}

func (s *Service) readAndApply() error {
	s.mu.Lock()
	idle := len(s.clients) == 0 && !s.poll.wanted
	s.poll.wanted = false
	p := polled{s: s, epoch: s.epoch, began: s.h.Now(), devices: make([]indexed, 0, s.poll.size+1000)}
	_, ok := s.linked()
	s.mu.Unlock()
	switch {
	case !ok:
		return fmt.Errorf("mdm: poll: %w", errUnlinked)
	case idle:
		return nil
	}
	changes, err := p.run()
	if errors.Is(err, host.ErrDown) {
		return err
	}
	s.mu.Lock()
	status := s.note(err, true)
	s.mu.Unlock()
	if status != nil {
		s.tellLink(*status)
	}
	s.announce(changes)
	s.tellStanding(p.confirmed, noSuchDevice)
	done := Poll{Devices: len(p.table.devices), Changed: len(changes), Err: err}
	fields := []slog.Attr{slog.Int("devices", done.Devices), slog.Int("changed", done.Changed), slog.String("result", "ok")}
	if err != nil {
		fields[2] = slog.String("result", "error")
		fields = append(fields, slog.String("error", err.Error()))
	}
	s.h.Trace("poll", fields...)
	s.observer.PollDone(done)
	return err
}

// checkSize refuses a list that is much shorter than the one before: Graph has been seen to lose most of a tenant
// (facts: graph-and-entra 2.1).
func (s *Service) checkSize(size, epoch int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.poll
	if epoch != s.epoch {
		return errUnlinked
	}
	if s.cfg.ShortList < 0 || float64(size) >= s.cfg.ShortList*float64(p.size) {
		p.short = nil
		return nil
	}
	if n := len(p.short); n > 0 && !alike(p.short[n-1], size) {
		p.short = nil
	}
	p.short = append(p.short, size)
	if s.cfg.ShortListAccept > 0 && len(p.short) > s.cfg.ShortListAccept {
		p.short = nil
		return nil
	}
	p.short = p.short[max(0, len(p.short)-maxShort):]
	return fmt.Errorf("list of devices: %d devices after %d the last time", size, p.size)
}

// maxShort bounds the sizes of refused lists that are remembered.
const maxShort = 1000

// alike reports whether two lists are of about equal size.
func alike(a, b int) bool { return max(a, b)-min(a, b) <= max(a, b)/10 }
