package live_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/live"
)

// fill writes n keys through a world of its own and returns the file.
func fill(t testing.TB, dir string, n int) string {
	t.Helper()
	w := live.New(live.Config{Dir: dir})
	add(t, w, "nac", addrA, func(h host.Host) error {
		s, err := h.Store("sessions")
		for i := range n {
			if err == nil {
				err = s.Put(fmt.Sprintf("%05d", i), []byte(strings.Repeat("v", 100)))
			}
		}
		return err
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "nac", "sessions.db")
}

func open(t testing.TB, dir string) (host.Store, error) {
	t.Helper()
	return machine(t, newWorld(t, live.Config{Dir: dir}), "nac", addrA).Store("sessions")
}

func TestACleanShutdownLosesNothing(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 5000)
	s, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = s.Scan("", func(k string, v []byte) bool {
		if k != fmt.Sprintf("%05d", n) || len(v) != 100 {
			t.Fatalf("key %d is %q with %d octets", n, k, len(v))
		}
		n++
		return true
	})
	if err != nil || n != 5000 {
		t.Errorf("%d keys, %v", n, err)
	}
}

func TestWritesBecomeDurableSoon(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, live.Config{Dir: dir})
	s, err := machine(t, w, "nac", addrA).Store("sessions")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put("key", []byte("find me in the file")); err != nil {
		t.Fatal(err)
	}
	err = w.RunUntil(func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "nac", "sessions.db"))
		return strings.Contains(string(b), "find me in the file")
	}, 10*time.Second)
	if err != nil {
		t.Error("the value is not in the file after 10 s")
	}
}

func TestAStoreWithoutAFolderIsInMemory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t, live.Config{})
	add(t, w, "a", addrA, func(h host.Host) error {
		s, err := h.Store("x")
		if err != nil {
			return err
		}
		return s.Put("k", []byte("v"))
	})
	if files, _ := os.ReadDir(os.TempDir()); len(files) != 0 {
		t.Errorf("files %v", files)
	}
}

func TestStoreFilesStayInTheirFolder(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, live.Config{Dir: filepath.Join(dir, "stores")})
	names := []string{"..", ".", "", "../../up", "a/b", "ü", ".hidden"}
	for i, name := range names {
		h := machine(t, w, "../"+name, netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}))
		for _, store := range names {
			s, err := h.Store(store)
			if err != nil {
				t.Fatalf("Store(%q) on %q: %v", store, name, err)
			}
			if err := s.Put("k", []byte(name+store)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if above, _ := os.ReadDir(dir); len(above) != 1 {
		t.Errorf("beside the folder: %v", above)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "stores", "*", "*.db"))
	if len(files) != len(names)*len(names) {
		t.Errorf("%d files, want %d", len(files), len(names)*len(names))
	}
}

func TestKeysThatTheFileCannotHoldAreErrors(t *testing.T) {
	s, err := open(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"", strings.Repeat("k", 1<<16)} {
		if err := s.Put(key, nil); err == nil {
			t.Errorf("Put takes a key of %d octets", len(key))
		}
	}
	if err := s.Put("k", []byte("v")); err != nil {
		t.Error(err)
	}
}

func TestAStoreInUseIsAnError(t *testing.T) {
	dir := t.TempDir()
	if _, err := open(t, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, dir); err == nil || !strings.Contains(err.Error(), "in use by another process") ||
		!strings.Contains(err.Error(), filepath.Join(dir, "nac", "sessions.db")) {
		t.Errorf("Store = %v", err)
	}
}

// A damaged file gives an error that names it, or, where the damage is in an unused part, a store that works;
// never a panic.
func TestADamagedStoreIsAnErrorThatNamesIt(t *testing.T) {
	whole, err := os.ReadFile(fill(t, t.TempDir(), 500))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	damage := []struct {
		name   string
		always bool // it cannot go unnoticed
		apply  func(b []byte) []byte
	}{
		{"text", true, func([]byte) []byte { return []byte(strings.Repeat("this is no database ", 2000)) }},
		{"one octet", true, func(b []byte) []byte { return b[:1] }},
		{"first half", true, func(b []byte) []byte { return b[:len(b)/2] }},
		{"all but the last page", false, func(b []byte) []byte { return b[:len(b)-4096] }},
		{"zeros", true, func(b []byte) []byte { return make([]byte, len(b)) }},
		{"meta pages overwritten", true, func(b []byte) []byte { clear(b[:8192]); return b }},
		{"data overwritten", false, func(b []byte) []byte { clear(b[8192:]); return b }},
	}
	for i := range 40 {
		damage = append(damage, struct {
			name   string
			always bool
			apply  func(b []byte) []byte
		}{fmt.Sprintf("random %d", i), false, func(b []byte) []byte {
			for range 1 + random.IntN(200) {
				b[random.IntN(len(b))] = byte(random.Uint32())
			}
			return b
		}})
	}
	found := 0
	for _, d := range damage {
		dir := t.TempDir()
		file := filepath.Join(dir, "nac", "sessions.db")
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, d.apply(append([]byte(nil), whole...)), 0o600); err != nil {
			t.Fatal(err)
		}
		err, closeErr := useStore(t, dir)
		for _, err := range []error{err, closeErr} {
			if err != nil && (!strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%s: error %q, want one line with the file's name", d.name, err)
			}
		}
		if err != nil {
			found++
		} else if d.always {
			t.Errorf("%s: a damaged file is opened", d.name)
		}
	}
	t.Logf("%d of %d kinds of damage found", found, len(damage))
}

// useStore opens a store and changes all of it.
func useStore(t *testing.T, dir string) (err, closeErr error) {
	w := live.New(live.Config{Dir: dir})
	s, err := machine(t, w, "nac", addrA).Store("sessions")
	if err == nil {
		for i := range 600 {
			if i%3 == 0 {
				err = s.Delete(fmt.Sprintf("%05d", i))
			} else {
				err = s.Put(fmt.Sprintf("%05d", i), []byte(strings.Repeat("w", i)))
			}
			if err != nil {
				break
			}
		}
	}
	return err, w.Close()
}
