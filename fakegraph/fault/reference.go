package fault

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// groupTitles say what each group is, for people.
var groupTitles = []struct {
	group Group
	title string
}{
	{Token, "Tokens and discovery, at Entra ID"},
	{Transport, "The connection and HTTP"},
	{Protocol, "What Graph says"},
}

// Reference is the catalogue for people: each kind with what it does, its parameters and their defaults.
func Reference() string {
	var b strings.Builder
	for i, g := range groupTitles {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(g.title + ":\n")
		for j := range kinds {
			if k := &kinds[j]; k.Group == g.group {
				k.describe(&b)
			}
		}
	}
	return b.String()
}

func (k *Kind) describe(b *strings.Builder) {
	const column, width = 22, 118
	line := "  " + k.Name + strings.Repeat(" ", max(1, column-2-len(k.Name)))
	for word := range strings.FieldsSeq(k.Doc + k.parameterText()) {
		if len(line)+1+len(word) > width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = strings.Repeat(" ", column)
		}
		if !strings.HasSuffix(line, " ") {
			line += " "
		}
		line += word
	}
	b.WriteString(line + "\n")
}

// parameterText lists the parameters with their defaults.
func (k *Kind) parameterText() string {
	initial := map[string]any{}
	text, err := json.Marshal(k.Default)
	if err != nil || json.Unmarshal(text, &initial) != nil {
		return ""
	}
	var some []string
	for _, name := range k.parameters() {
		switch v := initial[name]; {
		case v == nil || name == "body":
			some = append(some, name)
		case slices.Contains([]string{"status", "aadsts", "seconds", "rows", "octets"}, name):
			some = append(some, fmt.Sprintf("%s=%.0f", name, v))
		default:
			some = append(some, fmt.Sprintf("%s=%v", name, v))
		}
	}
	if len(some) == 0 {
		return ""
	}
	return " [" + strings.Join(some, " ") + "]"
}
