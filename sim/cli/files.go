package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"nacsim/sim/scenario"
)

// findFiles returns the scenario files that the arguments name: each file itself, and of each folder the files
// *.yaml and *.yml directly in it, in the order of their names. A file named twice is there once.
func findFiles(command string, args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, badInput("%s: name at least one scenario file or folder, for example: %s scenarios", command, command)
	}
	var files []string
	for _, arg := range args {
		found, err := findIn(command, arg)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	return files, nil
}

func findIn(command, arg string) ([]string, error) {
	info, err := os.Stat(arg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, badInput("%s: there is no file or folder %s", command, arg)
	case err != nil:
		return nil, badInput("%s: %v", command, err)
	case info.Mode().IsRegular():
		return []string{filepath.Clean(arg)}, nil
	case !info.IsDir():
		return nil, badInput("%s: %s is neither a file nor a folder", command, arg)
	}
	entries, err := os.ReadDir(arg)
	if err != nil {
		return nil, badInput("%s: %v", command, err)
	}
	var found []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			found = append(found, filepath.Join(arg, e.Name()))
		}
	}
	if len(found) == 0 {
		return nil, badInput("%s: the folder %s has no scenarios: no file in it is named *.yaml (sub-folders are not searched)", command, arg)
	}
	return found, nil
}

// parseAll reads all files, and reports what is wrong with any of them.
func parseAll(files []string, stderr io.Writer) ([]*scenario.File, int) {
	var parsed []*scenario.File
	bad := 0
	for _, path := range files {
		f, err := scenario.Parse(path)
		if err != nil {
			bad++
			var pathError *fs.PathError
			if errors.As(err, &pathError) {
				err = fmt.Errorf("%s: cannot be read: %w", path, pathError.Err)
			}
			fmt.Fprintln(stderr, err)
			continue
		}
		parsed = append(parsed, f)
	}
	return parsed, bad
}

// outputNames returns a folder name for each scenario: its own, and a number where several have the same.
func outputNames(files []*scenario.File) []string {
	taken := map[string]bool{junitFile: true}
	names := make([]string, len(files))
	for i, f := range files {
		name := f.Name
		if strings.Trim(name, ".") == "" {
			name = "scenario"
		}
		base := name
		for n := 2; taken[strings.ToLower(name)]; n++ { // some file systems do not tell cases apart
			name = base + "-" + strconv.Itoa(n)
		}
		taken[strings.ToLower(name)] = true
		names[i] = name
	}
	return names
}
