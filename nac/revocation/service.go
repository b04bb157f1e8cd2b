package revocation

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nacsim/internal/host"
)

// retryAfter is when a list that could not be read is tried again.
const retryAfter = time.Minute

// A Service is the [Checker] that a Config describes. It keeps its lists up to date by itself, until it is closed or the
// machine goes down.
type Service struct {
	h      host.Host
	config atomic.Pointer[Config]

	mu      sync.Mutex
	sources []*source
	lists   []*list // of all sources
	answers answers
}

// A source is a file or a URL with lists. The service's mutex guards it.
type source struct {
	name  string
	gone  bool              // it is no longer asked for
	timer host.Timer        // of the next refresh
	sum   [sha256.Size]byte // of what was read last, so that a file that has not changed costs nothing
	lists []*list
}

// New reads the files that the configuration names and starts to fetch the URLs. Until one has been fetched, nothing
// is known from it.
func New(h host.Host, config Config) (*Service, error) {
	s := &Service{h: h}
	s.answers.init()
	if err := s.Reload(config); err != nil {
		return nil, err
	}
	return s, nil
}

// Reload takes up another configuration, or the same one: files are read at once, what is known of URLs and from
// responders remains known. After an error all is as it was.
func (s *Service) Reload(config Config) error {
	if err := config.complete(); err != nil {
		return fmt.Errorf("revocation: %w", err)
	}
	var sources []*source
	for _, name := range config.CRL {
		src := &source{name: name}
		if !isURL(name) {
			data, err := config.ReadFile(name)
			if err == nil {
				src.sum = sha256.Sum256(data)
				src.lists, err = readLists(name, data)
			}
			if err != nil {
				return fmt.Errorf("revocation: crl: %w", err)
			}
		}
		sources = append(sources, src)
	}
	s.config.Store(&config)
	s.take(sources)
	return nil
}

// take puts sources in the place of those there are.
func (s *Service) take(sources []*source) {
	s.mu.Lock()
	old := s.sources
	s.sources = sources
	for _, src := range sources {
		i := slices.IndexFunc(old, func(o *source) bool { return o.name == src.name })
		if i >= 0 && isURL(src.name) {
			src.lists, src.sum = old[i].lists, old[i].sum
		}
	}
	s.collect()
	s.retire(old)
	s.mu.Unlock()
	for _, src := range sources {
		if isURL(src.name) {
			s.h.Go("crl", func() { s.refresh(src) })
			continue
		}
		s.traceSource(src)
		s.schedule(src, s.config.Load().refresh(src.name))
	}
}

// retire has sources not read again. The caller holds the mutex.
func (s *Service) retire(sources []*source) {
	for _, src := range sources {
		src.gone = true
		if src.timer != nil {
			src.timer.Stop()
		}
	}
}

// Close stops reading lists. What is known remains known.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retire(s.sources)
	return nil
}

func (s *Service) schedule(src *source, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !src.gone {
		src.timer = s.h.AfterFunc(after, func() { s.refresh(src) })
	}
}

// refresh reads a source again and comes back when it is due.
func (s *Service) refresh(src *source) {
	err := s.load(src)
	next := s.config.Load().refresh(src.name)
	if err != nil {
		s.h.Trace("revocation", slog.String("source", src.name), slog.String("result", "error"), slog.String("error", err.Error()))
		next = min(next, retryAfter)
	} else if due := s.due(src); isURL(src.name) && due > 0 {
		next = min(next, max(due, time.Second))
	}
	s.schedule(src, next)
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
	s.mu.Lock()
	same := sum == src.sum
	s.mu.Unlock()
	if same {
		return nil
	}
	lists, err := readLists(src.name, data)
	if err != nil {
		return err
	}
	s.mu.Lock()
	src.lists, src.sum = src.renewed(lists), sum
	s.collect()
	s.mu.Unlock()
	s.traceSource(src)
	return nil
}

func (s *Service) traceSource(src *source) {
	s.mu.Lock()
	lists, entries := len(src.lists), 0
	for _, l := range src.lists {
		entries += len(l.serial)
	}
	s.mu.Unlock()
	s.h.Trace("revocation", slog.String("source", src.name), slog.String("result", "ok"), slog.Int("lists", lists), slog.Int("entries", entries))
}

func (s *Service) read(name string) ([]byte, error) {
	if !isURL(name) {
		return s.config.Load().ReadFile(name)
	}
	req, err := http.NewRequest(http.MethodGet, name, nil)
	if err != nil {
		return nil, err
	}
	return s.roundTrip(req, maxListSize)
}

// roundTrip returns the body of an answer 200.
func (s *Service) roundTrip(req *http.Request, limit int64) ([]byte, error) {
	c := s.config.Load()
	reply, err := s.h.RoundTrip(req, host.HTTPOptions{Timeout: c.Timeout, RootCAs: c.RootCAs, MaxBody: limit})
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

// renewed are the lists of a source that has been read again. What comes over a network may be a list that the CA has not
// signed, or an older one that it has, so a list that is known to be the CA's stays until a newer one of the same key is
// there.
func (src *source) renewed(fresh []*list) []*list {
	if !isURL(src.name) {
		return fresh
	}
	lists := fresh
	for _, old := range src.lists {
		succeeds := func(l *list) bool {
			return l.replaces(old) && !slices.ContainsFunc(old.proven, func(c *x509.Certificate) bool { return !l.isSignedBy(c) })
		}
		if len(old.proven) > 0 && len(lists) < maxLists && !slices.ContainsFunc(fresh, succeeds) {
			lists = append(lists, old)
		}
	}
	return lists
}

// collect gathers the lists of all sources. The caller holds the mutex.
func (s *Service) collect() {
	s.lists = nil
	for _, src := range s.sources {
		s.lists = append(s.lists, src.lists...)
	}
}
