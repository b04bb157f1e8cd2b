package mdm

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"nacsim/internal/guid"
	"nacsim/internal/host"
)

// keyLink is where the store keeps which directory is linked.
const keyLink = "link"

// A linkState is the directory that the NAC is linked to. It is durable.
type linkState struct {
	// Tenant is what tokens are asked for, empty when none is linked, and TID the directory's ID, empty before a
	// token has told it.
	Tenant string    `json:"tenant,omitempty"`
	TID    string    `json:"tid,omitempty"`
	At     time.Time `json:"at"`
	// Configured is the setting Config.Tenant that this was made under. Another setting counts for more than it.
	Configured string `json:"configured,omitempty"`
}

// checkTenant reports whether a text can name one directory.
func checkTenant(tenant string) error {
	switch strings.ToLower(tenant) {
	case "common", "organizations", "consumers":
		return fmt.Errorf("tenant %q stands for many, want the ID or a domain of one", tenant)
	}
	if guid.Valid(tenant) {
		return nil
	}
	bad := func(r rune) bool {
		return !(r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}
	if tenant == "" || len(tenant) > 253 || strings.ContainsFunc(tenant, bad) || slices.Contains(strings.Split(tenant, "."), "") {
		return fmt.Errorf("tenant %.64q is neither a GUID nor a domain", tenant)
	}
	return nil
}

// loadLink finds out whom the NAC is linked to. What the DDB has of another tenant goes.
func (s *Service) loadLink() error {
	value, err := s.store.Get(keyLink)
	if err != nil {
		return err
	}
	if value != nil {
		if err := json.Unmarshal(value, &s.link); err != nil {
			return err
		}
	}
	if value == nil || s.link.Configured != s.cfg.Tenant {
		was := s.link
		s.link = linkState{Tenant: s.cfg.Tenant, At: s.h.Now(), Configured: s.cfg.Tenant}
		if was.TID != "" && strings.EqualFold(was.TID, s.cfg.Tenant) {
			s.link.TID, s.link.At = was.TID, was.At
		}
		if err := s.saveLink(); err != nil {
			return err
		}
		if value == nil || s.link.TID != "" {
			s.bindLink(accessToken{})
			return nil
		}
		if _, err := s.drop(); err != nil {
			return err
		}
	} else if s.link.Tenant == "" { // a crash may have left what was to be dropped
		if _, err := s.drop(); err != nil {
			return err
		}
	}
	s.bindLink(accessToken{})
	return nil
}

func (s *Service) saveLink() error {
	value, err := json.Marshal(&s.link)
	if err != nil {
		return err
	}
	return s.store.Put(keyLink, value)
}

// bindLink has tokens be asked for whom the NAC is linked to.
func (s *Service) bindLink(token accessToken) {
	tid := s.link.TID
	if tid == "" && guid.Valid(s.link.Tenant) {
		tid = strings.ToLower(s.link.Tenant)
	}
	s.graph.tokens.bind(s.link.Tenant, tid, token)
}

// Linked returns the directory that the NAC is linked to: its ID, or, before Entra has told that, what the
// configuration calls it.
func (s *Service) Linked() (tenant string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.linked()
}

func (s *Service) linked() (tenant string, ok bool) {
	if s.link.TID == "" && s.link.Tenant != "" {
		if s.link.TID = s.graph.tokens.boundTo(); s.link.TID != "" {
			// Should the store refuse, the next token tells it again.
			_ = s.saveLink()
		}
	}
	if s.link.TID != "" {
		return s.link.TID, true
	}
	return s.link.Tenant, s.link.Tenant != ""
}

// Link makes tenant, the ID or a domain of a directory, the one whose devices are asked for. It gets a token of that directory
// first: the directory's administrator must have consented to the app. Whose it is, the token tells, and not what the
// browser brought back from the consent, which anybody could have written (facts: graph-and-entra 4.4). When another
// directory was linked, all that is known from it is forgotten. The devices of all known clients are
// looked up, and all polled, at once; this, too, is how a link is made to work again without waiting for the circuit.
//
// Link blocks until Entra has answered, so only a task may call it. An error leaves everything as it was.
func (s *Service) Link(tenant string) error {
	tenant = strings.TrimSpace(tenant)
	if err := checkTenant(tenant); err != nil {
		return fmt.Errorf("mdm: %w", err)
	}
	s.graph.gate.reset()
	token, err := s.graph.askToken(tenant)
	if err == nil && token.tid == "" {
		err = errors.New("token: it does not say which tenant it is for")
	}
	if err != nil {
		return fmt.Errorf("mdm: link %s: %w", tenant, err)
	}
	s.mu.Lock()
	var changes []*Change
	was, ok := s.linked()
	if same := ok && (was == token.tid || s.link.TID == "" && strings.EqualFold(was, tenant)); !same {
		if changes, err = s.drop(); err != nil {
			s.mu.Unlock()
			return fmt.Errorf("mdm: link %s: %w", tenant, err)
		}
		s.link = linkState{Tenant: token.tid, TID: token.tid, At: s.h.Now(), Configured: s.cfg.Tenant}
	}
	s.link.Tenant, s.link.TID = token.tid, token.tid
	if err := s.saveLink(); err != nil {
		s.mu.Unlock()
		return fmt.Errorf("mdm: link %s: %w", tenant, err)
	}
	s.bindLink(token)
	for _, name := range s.pendingClients() {
		s.clients[name].started = s.h.Now()
	}
	s.lookUpPending()
	s.health.linked()
	status := s.statusLocked()
	s.mu.Unlock()
	s.announce(changes)
	s.tellLink(status)
	s.PollNow()
	return nil
}

// Unlink ends the link: the token and all that is known of devices is forgotten, because nobody vouches for it any
// more. The clients are remembered, to be looked up when an account is linked again.
func (s *Service) Unlink() error {
	s.mu.Lock()
	if _, ok := s.linked(); !ok {
		s.mu.Unlock()
		return fmt.Errorf("mdm: unlink: %w", errUnlinked)
	}
	s.link = linkState{At: s.h.Now(), Configured: s.cfg.Tenant}
	err := s.saveLink()
	var changes []*Change
	if err == nil {
		s.bindLink(accessToken{})
		changes, err = s.drop()
	}
	s.health.unlinked()
	status := s.statusLocked()
	clients := slices.Sorted(maps.Keys(s.clients))
	s.mu.Unlock()
	if err != nil {
		if !errors.Is(err, host.ErrDown) {
			err = fmt.Errorf("mdm: unlink: %w", err)
		}
		return err
	}
	s.announce(changes)
	s.tellStanding(clients, unlinkedCause)
	s.tellLink(status)
	return nil
}

// drop forgets what a tenant has said of devices. Answers that are under way count no more. The caller holds the lock.
func (s *Service) drop() ([]*Change, error) {
	s.epoch++
	var changes []*Change
	for _, id := range slices.Sorted(maps.Keys(s.db.records)) {
		c, err := s.remove(id)
		if err != nil {
			return changes, err
		}
		c.Unlinked = true
		changes = append(changes, c)
	}
	for _, name := range slices.Sorted(maps.Keys(s.clients)) {
		c := s.clients[name]
		c.cancel()
		c.Found, c.Missing, c.Pending = false, false, !c.gone
		if err := s.saveClient(name, c); err != nil {
			return changes, err
		}
	}
	s.index.clear()
	s.poll = pollState{wake: s.poll.wake}
	return changes, errors.Join(s.store.Delete(keyPoll), s.store.Delete(keyListed))
}
