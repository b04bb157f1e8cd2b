package cli

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// progress shows which of many scenarios runs now, in a line of the terminal that is wiped before anything else is
// printed. A nil progress shows nothing.
type progress struct {
	w     io.Writer
	total int
}

// newProgress returns nil unless w is a terminal and there are several scenarios.
func newProgress(w io.Writer, total int) *progress {
	f, ok := w.(*os.File)
	if !ok || total < 2 || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &progress{w: w, total: total}
}

func (p *progress) show(n int, name string) {
	if p == nil {
		return
	}
	if len(name) > 60 {
		name = name[:60]
	}
	fmt.Fprintf(p.w, "\r\x1b[K[%d/%d] %s", n, p.total, name)
}

func (p *progress) wipe() {
	if p != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
