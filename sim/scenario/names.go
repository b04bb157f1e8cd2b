package scenario

// verbNames and expectNames are the keys that name a verb, and those of an expectation. They are filled in by
// init because the table's own checks use them.
var verbNames, expectNames []string

func init() {
	for _, v := range verbs {
		verbNames = append(verbNames, v.name)
	}
	for _, p := range expectRule.schema.Properties {
		expectNames = append(expectNames, p.name)
	}
}
