// Package cli is the command line of nacsim: its commands, flags, messages and exit codes.
//
// The command that runs scenarios leaves the running to a [Runner], so that everything around it (which files,
// which folder, what is printed, which exit code) stands and is tested by itself.
//
// # Exit codes
//
//   - 0: everything asked for was done, and every scenario passed.
//   - 1: an expectation of a scenario failed.
//   - 2: bad input or usage: a flag, a file, a folder that cannot be written, a port that is taken. Nothing was decided.
//   - 3: a fault of nacsim itself.
//
// Results go to standard output and errors to standard error, each as one line that says what was wrong with what and
// what would be right; an error in a file is followed by the line of the file.
package cli
