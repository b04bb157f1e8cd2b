package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"nacsim/sim/scenario"
)

const validateHelp = `Reads scenarios and the policies they use, and reports every mistake with file, line, column and the line itself.
Nothing is played. A folder stands for the files *.yaml directly in it.

Exit codes: 0 all files are right, 2 a file has mistakes or cannot be read.`

func newValidate() *cobra.Command {
	return &cobra.Command{
		Use:               "validate FILE|FOLDER...",
		Short:             "Find mistakes in scenarios without playing them",
		Long:              validateHelp,
		Example:           "  nacsim validate my-scenario.yaml\n  nacsim validate scenarios",
		ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error {
			paths, err := findFiles("nacsim validate", args)
			if err != nil {
				return err
			}
			files, bad := parseAll(paths, c.ErrOrStderr())
			for _, f := range files {
				fmt.Fprintf(c.OutOrStdout(), "ok  %s  %s\n", f.Path, describe(f))
			}
			if len(paths) > 1 {
				fmt.Fprintf(c.OutOrStdout(), "%d files, %d with mistakes\n", len(paths), bad)
			}
			if bad > 0 {
				return &exitError{code: ExitBadInput}
			}
			return nil
		},
	}
}

// describe sums a scenario up.
func describe(f *scenario.File) string {
	least, most := f.Span()
	span := scenario.FormatDuration(least)
	if most > least {
		span += " to " + scenario.FormatDuration(most)
	}
	steps := "1 step"
	if len(f.Steps) != 1 {
		steps = fmt.Sprintf("%d steps", len(f.Steps))
	}
	return fmt.Sprintf("(%s, %s of world time)", steps, span)
}
