package live

// Pending is how many alarms the clock of a world has.
func Pending(w *World) int {
	w.clock.mu.Lock()
	defer w.clock.mu.Unlock()
	return len(w.clock.pending)
}
