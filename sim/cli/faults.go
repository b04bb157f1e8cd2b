package cli

import (
	"github.com/spf13/cobra"

	"nacsim/fakegraph/fault"
)

const faultsHelp = `What can go wrong at Microsoft, in a scenario and through the control API of nacsim fakegraph:

  - graph: {fault: throttled, retry_after: 30s, count: 2}
  - graph: {fault: gateway_timeout, page: 3}
  - graph: {fault: forbidden, probability: 10%, for: 1h}
  - graph: {end: forbidden}

In brackets are the parameters that a fault takes, with their defaults; in a scenario, status is written answer. Every
fault can be bound to requests by service, path, method, query and page, and the control API binds it to an app, too.
It strikes all of them unless skip, count, for or probability bound it; the API has from and until as well. Of several
faults that match a request the oldest decides. Each strike is a record in the trace and in the log of requests. Faults
do not outlive a restart of Microsoft.

`

// newFaults is a topic of the help: the catalogue of faults.
func newFaults() *cobra.Command {
	return &cobra.Command{
		Use:   "faults",
		Short: "What can go wrong at Microsoft",
		Long:  faultsHelp + fault.Reference(),
	}
}
