package control

import (
	"net/http"
	"time"
)

func (a *API) generalRoutes() []route {
	return []route{
		{method: "GET", path: "/control", doc: "this list", do: a.describe},
		{method: "GET", path: "/control/clock", doc: "what time it is for the tenant", do: a.clock},
		{method: "POST", path: "/control/clock", doc: "move the clock forward, by a duration or to a time; check-ins and all else that falls due happens on the way",
			body: `{"advance": "8h"} or {"to": "2027-01-01T08:00:00Z"}`, do: a.moveClock},
		{method: "POST", path: "/control/reset", doc: "make everything as it was at the beginning; a tenant file is read again", do: a.reset},
	}
}

// describedRoute is a route in the list.
type describedRoute struct {
	Method     string            `json:"method"`
	Path       string            `json:"path"`
	Doc        string            `json:"does"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Body       string            `json:"body,omitempty"`
}

func (a *API) describe(*call) (any, error) {
	list := make([]describedRoute, len(a.routes))
	for i, r := range a.routes {
		list[i] = describedRoute{r.method, r.path, r.doc, r.query, r.body}
	}
	return map[string]any{"routes": list}, nil
}

// clockReply is what the API says about the clock.
type clockReply struct {
	Now     time.Time `json:"now"`
	Movable bool      `json:"movable"`
}

func (a *API) clock(*call) (any, error) { return clockReply{a.h.Now(), a.cfg.Clock != nil}, nil }

// maxAdvance is how far the clock goes in one step.
const maxAdvance = 366 * 24 * time.Hour

func (a *API) moveClock(c *call) (any, error) {
	body, err := decode[struct {
		Advance *duration  `json:"advance"`
		To      *time.Time `json:"to"`
	}](c)
	if err != nil {
		return nil, err
	}
	if a.cfg.Clock == nil {
		return nil, &failure{http.StatusConflict, "this clock cannot be moved"}
	}
	var by time.Duration
	switch {
	case (body.Advance == nil) == (body.To == nil):
		return nil, badRequest("say either advance or to")
	case body.To != nil:
		by = body.To.Sub(a.h.Now())
	default:
		by = time.Duration(*body.Advance)
	}
	if by < 0 {
		return nil, badRequest("the clock goes forward only, and it is %s now", a.h.Now().UTC().Format(time.RFC3339))
	}
	if by > maxAdvance {
		return nil, badRequest("%v is more than the %v of one step", by, maxAdvance)
	}
	if err := a.cfg.Clock.Advance(by); err != nil {
		return nil, err
	}
	return a.clock(c)
}

func (a *API) reset(*call) (any, error) {
	if err := a.target.Restore(); err != nil {
		return nil, err
	}
	return nil, nil
}

// list is a part of a longer list.
type list struct {
	Total int `json:"total"`
	Value any `json:"value"`
}
