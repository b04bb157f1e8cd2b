package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nacsim/sim/report"
)

// junitFile is the name of the report in the output folder.
const junitFile = "junit.xml"

// panicFile is the name of what a panic leaves in the folder of a scenario.
const panicFile = "panic.txt"

// outputFolder makes the folder that a run leaves its results in: the one asked for, or a fresh one in the working
// directory that is named after the time.
func outputFolder(asked string, now time.Time) (string, error) {
	if asked != "" {
		if err := os.MkdirAll(asked, 0o755); err != nil {
			return "", badInput("nacsim run: --out %s: cannot make the folder: %v", asked, reason(err))
		}
		return asked, nil
	}
	base := "nacsim-run-" + now.Format("20060102-150405")
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		err := os.Mkdir(name, 0o755)
		switch {
		case err == nil:
			return name, nil
		case !errors.Is(err, fs.ErrExist) || n > 100:
			return "", badInput("nacsim run: cannot make a folder for the results here: %v; name another one with --out", reason(err))
		}
	}
}

// scenarioFolder makes the folder of one scenario.
func scenarioFolder(out, name string) (string, error) {
	dir := filepath.Join(out, name)
	if err := os.Mkdir(dir, 0o755); err != nil && !isFolder(dir) {
		return "", badInput("nacsim run: cannot make the folder %s: %v", dir, reason(err))
	}
	return dir, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// reason is an error without the path and the system call, which the message has already.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// resultFiles are what nacsim leaves in the folder of a scenario.
var resultFiles = []string{"trace.jsonl", "capture.pcapng", panicFile}

// clear removes what an earlier run has left of the scenarios that are to be played, so that a run that ends early does
// not pass off its results as new, and says which results of other scenarios are there.
func (r *run) clear(out string, names []string) error {
	old := []string{filepath.Join(out, junitFile)}
	for _, name := range names {
		for _, file := range resultFiles {
			old = append(old, filepath.Join(out, name, file))
		}
	}
	for _, path := range old {
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			continue // there is none, or it is none of ours
		}
		if err := os.Remove(path); err != nil {
			return badInput("nacsim run: cannot replace %s: %v", path, reason(err))
		}
	}
	if others := otherResults(out, names); len(others) > 0 {
		shown, more := others, ""
		if len(others) > 5 {
			shown, more = others[:5], fmt.Sprintf(" and %d more", len(others)-5)
		}
		fmt.Fprintf(r.stderr, "nacsim run: %s also has the results of another run, which stay: %s%s\n", out, strings.Join(shown, ", "), more)
	}
	return nil
}

// otherResults are the folders with results of scenarios that are not among names.
func otherResults(out string, names []string) []string {
	entries, err := os.ReadDir(out)
	if err != nil {
		return nil // what cannot be read is reported when it is written
	}
	var others []string
	for _, e := range entries {
		if !e.IsDir() || slices.Contains(names, e.Name()) {
			continue
		}
		if _, err := os.Stat(filepath.Join(out, e.Name(), resultFiles[0])); err == nil {
			others = append(others, e.Name())
		}
	}
	return others
}

// writeReport leaves the report of the run.
func writeReport(out string, r *report.Run) error {
	path := filepath.Join(out, junitFile)
	f, err := os.Create(path)
	if err != nil {
		return badInput("nacsim run: cannot write %s: %v", path, reason(err))
	}
	err = errors.Join(report.WriteJUnit(f, r), f.Close())
	if err != nil {
		return badInput("nacsim run: cannot write %s: %v", path, reason(err))
	}
	return nil
}
