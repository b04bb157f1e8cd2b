package revocation

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"nacsim/internal/host"
)

// retryAfter is when a list that could not be read is tried again.
const retryAfter = time.Minute

// A Service is the [Checker] that a Config describes. It keeps its lists up to date by itself, until the machine goes
// down.
type Service struct {
	h      host.Host
	config Config

	mu      sync.Mutex
	sources []*source
	lists   []*list // of all sources, without those that a later one replaces
	answers answers
}

// A source is a file or a URL with lists.
type source struct {
	name  string
	sum   [sha256.Size]byte // of what was read last, so that a file that has not changed costs nothing
	lists []*list
}

// New reads the files that the configuration names and starts to fetch the URLs. Until one has been fetched, nothing
// is known from it.
func New(h host.Host, config Config) (*Service, error) {
	if err := config.complete(); err != nil {
		return nil, fmt.Errorf("revocation: %w", err)
	}
	s := &Service{h: h, config: config}
	s.answers.init(&s.config)
	for _, name := range config.CRL {
		src := &source{name: name}
		s.sources = append(s.sources, src)
		if isURL(name) {
			h.Go("crl", func() { s.refresh(src) })
			continue
		}
		if err := s.load(src); err != nil {
			return nil, fmt.Errorf("revocation: crl: %w", err)
		}
		h.AfterFunc(s.config.refresh(name), func() { s.refresh(src) })
	}
	return s, nil
}

// refresh reads a source again and comes back when it is due.
func (s *Service) refresh(src *source) {
	err := s.load(src)
	next := s.config.refresh(src.name)
	if err != nil {
		s.h.Trace("revocation", slog.String("source", src.name), slog.String("result", "error"), slog.String("error", err.Error()))
		next = min(next, retryAfter)
	} else if due := s.due(src); isURL(src.name) && due > 0 {
		next = min(next, max(due, time.Second))
	}
	s.h.AfterFunc(next, func() { s.refresh(src) })
}

// due is how long the first of a source's lists is valid, zero if none says or it is over.
func (s *Service) due(src *source) time.Duration {
	now := s.h.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var due time.Duration
	for _, l := range src.lists {
		if left := l.raw.NextUpdate.Sub(now); !l.raw.NextUpdate.IsZero() && left > 0 && (due == 0 || left < due) {
			due = left
		}
	}
	return due
}

// load reads a source. What it said before stays in force when that fails.
func (s *Service) load(src *source) error {
	data, err := s.read(src.name)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	if bytes.Equal(sum[:], src.sum[:]) {
		return nil
	}
	lists, err := readLists(src.name, data)
	if err != nil {
		return err
	}
	s.mu.Lock()
	src.lists, src.sum = lists, sum
	s.collect()
	s.mu.Unlock()
	entries := 0
	for _, l := range lists {
		entries += len(l.serial)
	}
	s.h.Trace("revocation", slog.String("source", src.name), slog.String("result", "ok"), slog.Int("lists", len(lists)), slog.Int("entries", entries))
	return nil
}

func (s *Service) read(name string) ([]byte, error) {
	if !isURL(name) {
		return s.config.ReadFile(name)
	}
	req, err := http.NewRequest(http.MethodGet, name, nil)
	if err != nil {
		return nil, err
	}
	return s.roundTrip(req, maxListSize)
}

// roundTrip returns the body of an answer 200.
func (s *Service) roundTrip(req *http.Request, limit int64) ([]byte, error) {
	reply, err := s.h.RoundTrip(req, host.HTTPOptions{Timeout: s.config.Timeout, RootCAs: s.config.RootCAs, MaxBody: limit})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.URL.Redacted(), err)
	}
	body, err := io.ReadAll(reply.Body)
	if closing := reply.Body.Close(); err == nil {
		err = closing
	}
	if err == nil && reply.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP status %d", reply.StatusCode)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.URL.Redacted(), err)
	}
	return body, nil
}

// collect gathers the lists that are in force. The caller holds the mutex.
func (s *Service) collect() {
	s.lists = nil
	for _, src := range s.sources {
		for _, l := range src.lists {
			if slices.ContainsFunc(s.lists, func(other *list) bool { return other.replaces(l) }) {
				continue
			}
			s.lists = append(slices.DeleteFunc(s.lists, l.replaces), l)
		}
	}
}
