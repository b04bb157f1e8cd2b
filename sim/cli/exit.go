package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Exit codes of nacsim.
const (
	ExitOK       = 0
	ExitFailed   = 1
	ExitBadInput = 2
	ExitFault    = 3
)

// exitError is an error with the exit code it leads to. A nil err means that all has been said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// badInput is an error of the user: exit code 2.
func badInput(format string, args ...any) error {
	return &exitError{ExitBadInput, fmt.Errorf(format, args...)}
}

// BadInput marks an error of a [Runner] as one of the input or of the surroundings rather than a fault of
// nacsim, so that it leads to exit code 2. A nil error stays nil.
func BadInput(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{ExitBadInput, err}
}

// exitCode is the exit code that an error leads to. Errors of the command-line library, which are all about usage, have
// none of their own.
func exitCode(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &e):
		return e.code
	}
	return ExitBadInput
}

// runnerCode is the exit code of an error of the runner: a fault, unless the runner or the kind of error says that
// the surroundings are to blame.
func runnerCode(err error) int {
	var e *exitError
	var path *fs.PathError
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EACCES),
		errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EMFILE), errors.As(err, &path):
		return ExitBadInput
	}
	return ExitFault
}
