package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"nacsim/sim/live"
)

// clockFile is the file that says how far the clock is ahead.
const clockFile = "clock"

// keptClock is the clock of a world, which stays ahead at the next start.
type keptClock struct {
	world *live.World
	path  string // empty when nothing is kept

	mu    sync.Mutex
	ahead time.Duration
}

// newKeptClock moves the clock of a world as far ahead as it was, if that has been kept.
func newKeptClock(world *live.World, dir string, keep bool) (*keptClock, error) {
	c := &keptClock{world: world}
	if !keep {
		return c, nil
	}
	c.path = filepath.Join(dir, clockFile)
	text, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil || d < 0 {
		return nil, badInput("%s: %.40q is not how far the clock is ahead, such as 8h0m0s", c.path, text)
	}
	c.ahead = d
	return c, world.Advance(d)
}

// Advance moves the clock.
func (c *keptClock) Advance(d time.Duration) error {
	if err := c.world.Advance(d); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	if c.path == "" {
		return nil
	}
	if err := os.WriteFile(c.path, []byte(c.ahead.String()+"\n"), 0o600); err != nil {
		return fmt.Errorf("the clock has been moved, but %s cannot be written: %w", c.path, reason(err))
	}
	return nil
}
