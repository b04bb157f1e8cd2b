package scenario

import "time"

// Hurry returns a copy of the scenario in which no step waits longer than the given time before it begins, and
// no expectation holds longer. It is for live runs, where time is real; what depends on the intervals of the
// programs must have them shortened too. How long an expectation may take is left as it is, since it ends
// as soon as it is met.
func (f *File) Hurry(longest time.Duration) *File {
	c := *f
	c.Steps = make([]Step, len(f.Steps))
	var clock time.Duration // the earliest time at which the step can begin in the original
	for i := range f.Steps {
		s := f.Steps[i]
		wait := s.After
		if s.At != nil {
			wait = max(0, *s.At-clock)
			s.At = nil
		}
		clock += wait + s.For
		s.After = min(wait, longest)
		s.For = min(s.For, longest)
		c.Steps[i] = s
	}
	return &c
}
