package graph

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Throttling says how many requests the devices service of Intune answers (facts 3.3). The zero value of a field means
// the real service's limit; a negative one means none.
type Throttling struct {
	// App and Tenant are how many requests an app and all apps together may make within the Window: 2000 and 4000 within 20 s.
	// Those that are refused count too.
	App, Tenant int
	// AppWrites and TenantWrites are the same for requests that change something: 200 and 400.
	AppWrites, TenantWrites int
	Window                  time.Duration
	// RetryAfter says what a refused client is told. The default is [RetryAfterNone], as Intune does often.
	RetryAfter RetryAfterForm
}

// A RetryAfterForm is how a reply says when to come again.
type RetryAfterForm int

const (
	// RetryAfterNone sends no Retry-After.
	RetryAfterNone RetryAfterForm = iota
	// RetryAfterSeconds sends whole seconds, such as 3.
	RetryAfterSeconds
	// RetryAfterFraction sends seconds with three decimals, such as 2.128, which no standard allows but Graph has sent.
	RetryAfterFraction
	// RetryAfterDate sends a date (RFC 9110 section 5.6.7).
	RetryAfterDate
)

// complete fills in the defaults and reports what cannot be.
func (t *Throttling) complete() error {
	for _, f := range []struct {
		limit *int
		usual int
	}{{&t.App, 2000}, {&t.Tenant, 4000}, {&t.AppWrites, 200}, {&t.TenantWrites, 400}} {
		if *f.limit == 0 {
			*f.limit = f.usual
		}
	}
	if t.Window == 0 {
		t.Window = 20 * time.Second
	}
	if t.Window < 0 {
		return fmt.Errorf("throttling window %v is negative", t.Window)
	}
	return nil
}

// header writes a Retry-After for a client that may come again after a time.
func (f RetryAfterForm) header(now time.Time, wait time.Duration) string {
	switch f {
	case RetryAfterSeconds:
		return strconv.Itoa(int(math.Ceil(wait.Seconds())))
	case RetryAfterFraction:
		return strconv.FormatFloat(wait.Seconds(), 'f', 3, 64)
	case RetryAfterDate:
		return now.Add(wait).Truncate(time.Second).Add(time.Second).UTC().Format(http.TimeFormat)
	}
	return ""
}

// A window counts the requests of the last span of time: a request is allowed if fewer than limit came before it within the
// span, refused ones included.
type window struct {
	limit int
	times []time.Time // of the latest requests, at most limit of them, as a ring
	first int
}

// take counts a request. It returns how many there were within the span with this one, and how long the next one has to wait when
// this one is refused.
func (w *window) take(now time.Time, span time.Duration) (used int, wait time.Duration) {
	if w.limit < 0 {
		return 0, 0
	}
	for len(w.times) > 0 && w.first < len(w.times) && !now.Before(w.times[w.first].Add(span)) {
		w.drop()
	}
	if len(w.times)-w.first >= w.limit {
		if w.limit > 0 {
			w.drop()
		}
		w.times = append(w.times, now)
		return w.limit + 1, max(w.times[w.first].Add(span).Sub(now), time.Millisecond)
	}
	w.times = append(w.times, now)
	return len(w.times) - w.first, 0
}

// drop forgets the oldest request.
func (w *window) drop() {
	if w.first++; w.first > len(w.times)/2 && w.first > 64 {
		w.times = append(w.times[:0], w.times[w.first:]...)
		w.first = 0
	}
}

// A throttle holds the windows of a service.
type throttle struct {
	cfg Throttling

	mu            sync.Mutex // guards what follows
	tenant        window
	tenantWrites  window
	apps, writers map[string]*window // by client id
}

func newThrottle(cfg Throttling) *throttle {
	return &throttle{cfg: cfg, tenant: window{limit: cfg.Tenant}, tenantWrites: window{limit: cfg.TenantWrites},
		apps: map[string]*window{}, writers: map[string]*window{}}
}

// take counts a request of an app. It returns how much of the app's limit is used, in words, and how long a refused client has to
// wait; 0 means that the request is allowed.
func (t *throttle) take(app string, write bool, now time.Time) (state string, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := windowOf(t.apps, app, t.cfg.App)
	used, wait := own.take(now, t.cfg.Window)
	state = t.state(used, own.limit, "")
	note := func(w *window, what string) {
		used, longer := w.take(now, t.cfg.Window)
		if longer > wait {
			state, wait = t.state(used, w.limit, what), longer
		}
	}
	note(&t.tenant, " of the tenant")
	if write {
		note(windowOf(t.writers, app, t.cfg.AppWrites), " writes")
		note(&t.tenantWrites, " writes of the tenant")
	}
	return state, wait
}

func (t *throttle) state(used, limit int, what string) string {
	switch {
	case limit < 0:
		return ""
	case used > limit:
		return fmt.Sprintf("over %d in %v%s", limit, t.cfg.Window, what)
	}
	return fmt.Sprintf("%d of %d in %v%s", used, limit, t.cfg.Window, what)
}

func windowOf(windows map[string]*window, app string, limit int) *window {
	w := windows[app]
	if w == nil {
		w = &window{limit: limit}
		windows[app] = w
	}
	return w
}

// throttled counts a request for the devices service and answers it when it is one too many.
func (a *API) throttled(w http.ResponseWriter, r *request) bool {
	if r.route.backend != ofIntune {
		return false
	}
	now := a.h.Now()
	write := r.Method != http.MethodGet && r.Method != http.MethodHead
	state, wait := a.throttle.take(r.grant.ClientID, write, now)
	r.note.Throttle = state
	if wait == 0 {
		return false
	}
	if after := a.cfg.Throttling.RetryAfter.header(now, wait); after != "" {
		w.Header().Set("Retry-After", after)
	}
	r.note.Text = "throttled: " + state
	a.Fail(w, r.Request, http.StatusTooManyRequests)
	return true
}
