package control

func (a *API) faultRoutes() []route {
	return []route{
		{method: "PUT", path: "/control/outage", doc: "begin or end an outage, in which every request is answered with 503", body: `{"on": true}`, do: func(c *call) (any, error) {
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
		}},
	}
}
