package cli

import (
	"github.com/spf13/cobra"

	apconfig "nacsim/fakeap/config"
	"nacsim/nac/config"
	"nacsim/nac/policy"
	"nacsim/sim/scenario"
)

const schemaHelp = `Prints the JSON Schema (draft 2020-12) of scenario files, with --policy of policy files, or with --nac of the configuration of
"nacsim nac". Editors complete and check files with it: begin a scenario with a line such as

  # yaml-language-server: $schema=scenario.schema.json

which VS Code (with the YAML extension by Red Hat), Neovim and others understand.`

func newSchema() *cobra.Command {
	var policies, nac, edge bool
	c := &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of scenarios, policies or the NAC",
		Long:    schemaHelp,
		Example: "  nacsim schema > scenario.schema.json\n  nacsim schema --policy > policy.schema.json",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			text := scenario.Schema()
			switch {
			case policies && nac || policies && edge || nac && edge:
				return badInput("nacsim schema: --policy, --nac and --ap are different schemas; ask for one")
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
	c.Flags().BoolVar(&policies, "policy", false, "print the schema of policy files instead")
	return c
}

// noArguments refuses arguments.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return badInput("%s: unexpected argument %q; it takes none", c.CommandPath(), args[0])
	}
	return nil
}
