package nac

import (
	"fmt"
	"sync/atomic"

	"nacsim/nac/credential"
)

// directory is the directory in force, which can be replaced while questions are under way.
type directory struct{ now atomic.Pointer[credential.Users] }

// load replaces the users; an error leaves them as they were. Nil means that nobody is known.
func (d *directory) load(c *credential.UsersConfig) error {
	if c == nil {
		c = &credential.UsersConfig{}
	}
	users, err := credential.NewUsers(*c)
	if err != nil {
		return fmt.Errorf("nac: %w", err)
	}
	d.now.Store(users)
	return nil
}

// Ask implements credential.Directory.
func (d *directory) Ask(q credential.Question, answer func(credential.Answer)) {
	d.now.Load().Ask(q, answer)
}
