package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"nacsim/sim/report"
)

// junitFile is the name of the report in the output folder.
const junitFile = "junit.xml"

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
