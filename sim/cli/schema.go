package cli

import (
	"github.com/spf13/cobra"

	apconfig "nacsim/fakeap/config"
	tenantconfig "nacsim/fakegraph/config"
	"nacsim/nac/config"
	"nacsim/nac/policy"
	"nacsim/sim/scenario"
)

const schemaHelp = `Prints the JSON Schema (draft 2020-12) of scenario files, with --policy of policy files, with --nac or --ap of the configuration
of "nacsim nac" or "nacsim ap", or with --tenant of the tenants of "nacsim fakegraph". Editors complete and check files with it: begin a scenario with a line such as

  # yaml-language-server: $schema=scenario.schema.json

which VS Code (with the YAML extension by Red Hat), Neovim and others understand.`

func newSchema() *cobra.Command {
	var policies, nac, edge, tenant bool
	c := &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of scenarios, policies or the NAC",
		Long:    schemaHelp,
		Example: "  nacsim schema > scenario.schema.json\n  nacsim schema --policy > policy.schema.json",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			text := scenario.Schema()
			switch {
			case moreThanOne(policies, nac, edge, tenant):
				return badInput("nacsim schema: --policy, --nac, --ap and --tenant are different schemas; ask for one")
			case tenant:
				text = tenantconfig.Schema()
			case edge:
				text = apconfig.Schema()
			case policies:
				text = policy.Schema()
			case nac:
				text = config.Schema()
			}
			_, err := c.OutOrStdout().Write(text)
			if err != nil {
				return badInput("nacsim schema: %v", reason(err))
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().BoolVar(&nac, "nac", false, "print the schema of the configuration of nacsim nac instead")
	c.Flags().BoolVar(&edge, "ap", false, "print the schema of the configuration of nacsim ap instead")
	c.Flags().BoolVar(&tenant, "tenant", false, "print the schema of tenant files of nacsim fakegraph instead")
	c.Flags().BoolVar(&policies, "policy", false, "print the schema of policy files instead")
	return c
}

// moreThanOne reports whether several flags are set.
func moreThanOne(flags ...bool) bool {
	set := 0
	for _, f := range flags {
		if f {
			set++
		}
	}
	return set > 1
}

// noArguments refuses arguments.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return badInput("%s: unexpected argument %q; it takes none", c.CommandPath(), args[0])
	}
	return nil
}
