package control

import (
	"strconv"

	"nacsim/fakegraph/fault"
)

func (a *API) faultRoutes() []route {
	return []route{
		{method: "GET", path: "/control/faults", doc: "the faults in force", do: a.faults},
		{method: "POST", path: "/control/faults", doc: "inject a fault of the catalogue; which requests it strikes, and how often and how long, is part of it",
			body: `{"fault": "throttled", "retry_after": "30s", "count": 2, "path": "/v1.0/deviceManagement"}`, do: a.addFault},
		{method: "DELETE", path: "/control/faults", doc: "end all faults", do: func(*call) (any, error) {
			a.target.Faults().ClearAll()
			return nil, nil
		}},
		{method: "GET", path: "/control/faults/catalogue", doc: "what can go wrong, with parameters and their defaults", do: func(*call) (any, error) {
			kinds := fault.Catalogue()
			return list{len(kinds), kinds}, nil
		}},
		{method: "DELETE", path: "/control/faults/{fault}", doc: "end a fault by its number, or all of a name", do: a.removeFault},
		{method: "PUT", path: "/control/outage", doc: "begin or end an outage, in which every request is answered with 503", body: `{"on": true}`, do: a.setOutage},
	}
}

// shownFault is a fault in force.
type shownFault struct {
	Number int         `json:"number"`
	Fault  fault.Fault `json:"fault"`
	Struck int         `json:"struck"`
	// Left is how often it will strike at most, if that is known.
	Left int `json:"left,omitempty"`
}

func (a *API) faults(*call) (any, error) {
	shown := []shownFault{}
	for _, f := range a.target.Faults().InForce() {
		shown = append(shown, shownFault{f.Number, f.Fault, f.Struck, f.Left})
	}
	return list{len(shown), shown}, nil
}

func (a *API) addFault(c *call) (any, error) {
	data, err := readAll(c)
	if err != nil {
		return nil, err
	}
	f, err := fault.Parse(data)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	number, err := a.target.Faults().Add(f)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	return shownFault{Number: number, Fault: f, Left: f.Count}, nil
}

func (a *API) removeFault(c *call) (any, error) {
	name := c.value("fault")
	if number, err := strconv.Atoi(name); err == nil {
		if !a.target.Faults().Clear(number) {
			return nil, notFound("no fault with the number %d is in force", number)
		}
		return nil, nil
	}
	if a.target.Faults().ClearNamed(name) == 0 {
		return nil, notFound("no fault %q is in force", name)
	}
	return nil, nil
}

func (a *API) setOutage(c *call) (any, error) {
	body, err := decode[struct {
		On *bool `json:"on"`
	}](c)
	if err != nil {
		return nil, err
	}
	if body.On == nil {
		return nil, badRequest("say whether it is on")
	}
	a.target.Faults().Outage(*body.On)
	return nil, nil
}
