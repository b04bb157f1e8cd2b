package host

import (
	"context"
	"net/http"
)

// resetKey is the key of a connection's reset in the context of the requests on it.
type resetKey struct{}

// WithReset is for worlds: it returns the context of a connection's requests, in which [ResetConnection] finds how to reset it.
func WithReset(ctx context.Context, reset func()) context.Context {
	return context.WithValue(ctx, resetKey{}, reset)
}

// ResetConnection ends the connection that a request came by with a TCP RST, as a server that loses power does, and does not
// return: like http.ErrAbortHandler it leaves the handler by a panic, which only ServeHTTP may recover. Requests that share the
// connection in HTTP/2 end with it. Where the handler runs without a connection, it only panics.
func ResetConnection(r *http.Request) {
	if reset, ok := r.Context().Value(resetKey{}).(func()); ok {
		reset()
	}
	panic(http.ErrAbortHandler)
}
