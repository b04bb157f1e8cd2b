package control

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"nacsim/fakegraph/requestlog"
	"nacsim/internal/host"
)

// requestQuery are the parameters of the log.
var requestQuery = map[string]string{
	"since":     "only requests with a higher number",
	"max":       "only the latest so many; without it 100",
	"app":       "client id",
	"status":    "status of the reply",
	"method":    "GET, POST, …",
	"path":      "text in the path or query",
	"route":     "text in the matched route",
	"unmatched": "true: only what matched no route",
	"fault":     "true: only what a fault has struck",
	"follow":    "true: go on with new requests as they come, one JSON object a line",
}

func (a *API) requestRoutes() []route {
	return []route{
		{method: "GET", path: "/control/requests", doc: "the last requests to Entra ID and Graph, the oldest first", query: requestQuery, serve: a.requests},
		{method: "DELETE", path: "/control/requests", doc: "forget them", do: func(*call) (any, error) {
			a.target.Requests().Clear()
			return nil, nil
		}},
	}
}

func requestFilter(c *call) (f requestlog.Filter, err error) {
	q := c.URL.Query()
	f = requestlog.Filter{App: q.Get("app"), Method: q.Get("method"), Path: q.Get("path"), Route: q.Get("route")}
	if text := q.Get("since"); text != "" {
		if f.Since, err = strconv.ParseUint(text, 10, 64); err != nil {
			return f, badRequest("since is %q; expected the number of a request", text)
		}
	}
	if f.Max, err = number(c, "max", 100, requestlog.Size); err != nil {
		return f, err
	}
	if f.Status, err = number(c, "status", 0, 599); err != nil {
		return f, err
	}
	if f.Unmatched, err = flag(c, "unmatched"); err != nil {
		return f, err
	}
	f.Fault, err = flag(c, "fault")
	return f, err
}

func (a *API) requests(w http.ResponseWriter, c *call) error {
	filter, err := requestFilter(c)
	if err != nil {
		return err
	}
	follow, err := flag(c, "follow")
	if err != nil {
		return err
	}
	if follow {
		return a.follow(w, filter)
	}
	entries := a.target.Requests().Entries(filter)
	if entries == nil {
		entries = []requestlog.Entry{}
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]any{"last": a.target.Requests().Last(), "value": entries})
}

// heartbeat is how often a stream without requests has an empty line, which finds out that nobody reads it any more.
const heartbeat = 15 * time.Second

// follow writes requests as they come, until the client goes away.
func (a *API) follow(w http.ResponseWriter, f requestlog.Filter) error {
	log := a.target.Requests()
	watch := log.Watch(a.h)
	if watch == nil {
		return &failure{http.StatusServiceUnavailable, "too many follow the log already"}
	}
	defer watch.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	control := http.NewResponseController(w)
	out := json.NewEncoder(w)
	for {
		// Who does not read shall not stay. A world without such deadlines does not need this.
		_ = control.SetWriteDeadline(a.h.Now().Add(2 * heartbeat))
		last := log.Last() // what comes now is found in the next round
		for _, e := range log.Entries(f) {
			f.Since = e.Number
			if out.Encode(e) != nil {
				return nil
			}
		}
		f.Since, f.Max = max(f.Since, last), requestlog.Size
		if control.Flush() != nil {
			return nil
		}
		switch err := watch.Signal().Wait(a.h.Now().Add(heartbeat)); err {
		case nil:
		case host.ErrTimeout:
			if _, err := w.Write([]byte("\n")); err != nil {
				return nil
			}
		default: // the machine goes down
			return nil
		}
	}
}
