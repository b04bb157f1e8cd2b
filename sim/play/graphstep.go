package play

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"nacsim/fakegraph/directory"
	"nacsim/sim/network"
	"nacsim/sim/scenario"
)

// changeGraph does what a graph step says.
func (p *player) changeGraph(now time.Time, g *scenario.Graph) error {
	cut := func(down bool) {
		for _, d := range [][2]string{{scenario.HostNAC, scenario.HostGraph}, {scenario.HostGraph, scenario.HostNAC}} {
			p.network.Set(d[0], d[1], func(c *network.Conditions) { c.Down = down })
		}
	}
	switch {
	case g.Down:
		cut(true)
	case g.Up:
		cut(false)
		p.graph.Faults().ClearAll()
	case g.Ends != "":
		p.graph.Faults().ClearNamed(g.Ends)
	case g.Consent == scenario.Revoked:
		return p.graph.Directory().SetConsent(clientID)
	case g.Consent == scenario.Granted:
		return p.graph.Directory().SetConsent(clientID, directory.RoleReadDevices)
	case g.Secret == scenario.Expired:
		return p.graph.Directory().SetSecrets(clientID, directory.Secret{Value: p.secret, Expires: now})
	case g.Secret == scenario.Renewed:
		return p.renewSecret()
	case g.SigningKey == scenario.Rolled:
		return p.graph.Entra().RollKey()
	default:
		_, err := p.graph.Faults().Add(g.Fault)
		return err
	}
	return nil
}

// renewSecret makes a new client secret, and has the NAC read it.
func (p *player) renewSecret() error {
	p.secrets++
	p.secret = clientSecret + "-" + strconv.Itoa(p.secrets)
	if err := p.graph.Directory().SetSecrets(clientID, directory.Secret{Value: p.secret}); err != nil || !p.up(scenario.HostNAC) {
		return err
	}
	return p.nac.Reload(p.nacConfig())
}

// describeGraph puts a graph step into words.
func describeGraph(g *scenario.Graph) string {
	switch {
	case g.Up:
		return "Microsoft Graph works again"
	case g.Down:
		return "Microsoft Graph cannot be reached"
	case g.Ends != "":
		return "Microsoft's fault " + g.Ends + " is over"
	case g.Consent != "":
		return "the administrator's consent to the NAC is " + g.Consent
	case g.SigningKey != "":
		return "Entra ID signs with another key"
	case g.Secret != "":
		return "the NAC's client secret is " + g.Secret
	}
	return describeFault(g)
}

func describeFault(g *scenario.Graph) string {
	f := &g.Fault
	var s string
	switch {
	case f.Name != "":
		s = "Microsoft's fault " + f.Name
	case f.Count > 0:
		s = fmt.Sprintf("Microsoft Graph answers the next %d requests with %d", f.Count, f.Status)
	default:
		s = fmt.Sprintf("Microsoft Graph answers with %d", f.Status)
	}
	var limits []string
	if f.Page > 0 {
		limits = append(limits, fmt.Sprintf("on page %d", f.Page))
	}
	if f.Name != "" && f.Count > 0 {
		limits = append(limits, fmt.Sprintf("%d times", f.Count))
	}
	if f.For > 0 {
		limits = append(limits, "for "+f.For.String())
	}
	if f.Probability > 0 {
		limits = append(limits, fmt.Sprintf("with a probability of %g%%", f.Probability*100))
	}
	return strings.Join(append([]string{s}, limits...), " ")
}
