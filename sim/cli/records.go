package cli

import (
	"github.com/spf13/cobra"

	"nacsim/sim/scenario"
)

const recordsHelp = `The trace of a run (trace.jsonl) has a record in each line: seq, its number; t, the world's time; at, the time since
the start; actor, the host that wrote it; kind; and the fields of the kind, which are below. A field that does not
apply is left out. Times are written as in 1h30m0s, MAC addresses as in 00:1c:b3:09:85:15.

Expectations name a kind and its fields: {lookup: found, key: mac, where: {device: LAPTOP-1}}. Fields with a key of
their own can be given without where; [key vlan] says that vlan means the field. Names in parentheses are the records
that have the field: those of an event type, for example.

`

// newRecords is a topic of the help: the reference of the trace.
func newRecords() *cobra.Command {
	return &cobra.Command{
		Use:   "records",
		Short: "What the trace of a run says, and what expectations can name",
		Long:  recordsHelp + scenario.RecordReference(),
	}
}
