package mdm

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"nacsim/internal/host"
	"nacsim/nac/identity"
)

// keyClient is where the store keeps the clients, under the name that Enqueue was given.
const keyClient = "client/"

// A client is one that has authenticated. Its exported fields are durable.
type client struct {
	Keys []identity.Key `json:"keys"`
	// Pending says that a lookup is due or under way, and Found that the last one for these keys found a record.
	Pending bool `json:"pending"`
	Found   bool `json:"found"`
	// Missing says that it found none.
	Missing bool `json:"missing,omitempty"`
	// Asked is when that was.
	Asked time.Time `json:"asked,omitzero"`
	// Seen is when the client last authenticated, as of the last write.
	Seen time.Time `json:"seen"`

	failures int
	started  time.Time // when the lookup that is pending was asked for
	queued   bool
	running  bool
	again    bool // the keys changed while the lookup was running
	gone     bool // its session has ended
	retry    host.Timer
}

const noSuchDevice = "Intune has no such device"

// Unknown says why there is no record of a client with these keys, in words for the explanation of a decision: it has
// not been looked up yet, the attempts have failed, Intune had no such device when it was last asked, or no account
// is linked. NotFound says that it was the third, not longer ago than Config.MaxAge.
func (s *Service) Unknown(name string, keys []identity.Key) (why string, notFound bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link.Tenant == "" {
		return errUnlinked.Error(), false
	}
	c := s.clients[name]
	switch {
	case c == nil || !slices.Equal(c.Keys, keys[:min(len(keys), maxClientKeys)]):
	case c.Missing && s.outdatedFinding(c, s.h.Now()):
		return "Intune has not confirmed for a long time that it has no such device", false
	case c.Missing:
		return noSuchDevice, true
	case c.failures > 0:
		return "Intune could not be asked", false
	}
	return "Intune has not answered yet", false
}

// maxClientKeys bounds the keys of one client.
const maxClientKeys = 16

// answered reports whether a lookup with these keys, of which one is a MAC address, has been answered.
func (s *Service) answered(mac identity.Key, keys []identity.Key) bool {
	keys = keys[:min(len(keys), maxClientKeys)]
	for _, name := range s.byKey.macs[parseMAC(mac.Value)] {
		if c := s.clients[name]; (c.Found || c.Missing) && slices.Equal(c.Keys, keys) {
			return true
		}
	}
	return false
}

func (s *Service) loadClients() error {
	var bad error
	err := s.store.Scan(keyClient, func(key string, value []byte) bool {
		c := &client{}
		if bad = json.Unmarshal(value, c); bad != nil {
			bad = fmt.Errorf("stored %s: %w", key, bad)
			return false
		}
		c.started = c.Seen
		name := key[len(keyClient):]
		s.clients[name] = c
		s.indexKeys(name, c.Keys)
		return true
	})
	return errors.Join(err, bad)
}

func (s *Service) pendingClients() []string {
	var pending []string
	for name, c := range s.clients {
		if c.Pending {
			pending = append(pending, name)
		}
	}
	slices.Sort(pending)
	return pending
}

// remember notes that a client has authenticated with these keys and returns it, and whether the keys are new. The
// caller holds the lock.
func (s *Service) remember(name string, keys []identity.Key) (*client, bool) {
	keys = keys[:min(len(keys), maxClientKeys)]
	c := s.clients[name]
	if c == nil {
		if len(s.clients) >= s.cfg.MaxClients {
			s.forgetOldest()
		}
		c = &client{}
		s.clients[name] = c
	}
	c.Seen = s.h.Now()
	if slices.Equal(c.Keys, keys) {
		return c, false
	}
	s.unindexKeys(name, c.Keys)
	c.Keys, c.Found, c.Missing = slices.Clone(keys), false, false
	s.indexKeys(name, c.Keys)
	return c, true
}

// forgetOldest makes room for one client. It is rare enough to look at all of them.
func (s *Service) forgetOldest() {
	oldest := ""
	for name, c := range s.clients { // order-free: a minimum, with the name to break ties
		if oldest == "" || c.Seen.Before(s.clients[oldest].Seen) || c.Seen.Equal(s.clients[oldest].Seen) && name < oldest {
			oldest = name
		}
	}
	c := s.clients[oldest]
	c.cancel()
	s.unindexKeys(oldest, c.Keys)
	delete(s.clients, oldest)
	// Should the store refuse, the client is back after a restart and takes part in the polls again.
	_ = s.store.Delete(keyClient + oldest)
}

// cancel ends a lookup that waits to be repeated.
func (c *client) cancel() {
	c.Pending, c.failures = false, 0
	if c.retry != nil {
		c.retry.Stop()
		c.retry = nil
	}
}

// saveClient makes a client durable. A store that refuses is that of a machine going down.
func (s *Service) saveClient(name string, c *client) error {
	value, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.store.Put(keyClient+name, value)
}

func (s *Service) indexKeys(name string, keys []identity.Key) {
	for _, k := range keys {
		s.byKey.add(k, name)
	}
}

func (s *Service) unindexKeys(name string, keys []identity.Key) {
	for _, k := range keys {
		s.byKey.drop(k, name)
	}
}
