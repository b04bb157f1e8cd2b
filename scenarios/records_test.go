package scenarios_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"nacsim/sim/decode"
	"nacsim/sim/play"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

// A census counts what the traces of the catalogue have.
type census struct {
	strangers map[string]string // what the reference lacks, and where it was seen
	keyed     map[string]int    // fields with a value, by kind and key of an expectation
}

func (c *census) count(path string, r trace.Record) {
	kind := scenario.RecordKindNamed(r.Kind)
	if kind == nil {
		c.strangers["kind "+r.Kind] = path
		return
	}
	value := ""
	if kind.Principal != "" {
		value = r.Field(kind.Principal)
	}
	for _, a := range r.Fields {
		v := a.Value.Resolve()
		names := []string{a.Key}
		if r.Kind == trace.KindPacket && a.Key == "attributes" {
			names = names[:0]
			for _, member := range v.Group() {
				names = append(names, a.Key+"."+member.Key)
			}
		}
		for _, name := range names {
			f := kind.Named(name, value)
			if f == nil {
				c.strangers[strings.Join([]string{r.Kind, value, name}, " ")] = path
				continue
			}
			c.check(path, &r, kind, f)
		}
	}
	if f := kind.Named("actor", ""); f.Key != "" {
		c.keyed[r.Kind+" "+f.Key]++
	}
}

// check holds the value of a field against what the reference says it can be.
func (c *census) check(path string, r *trace.Record, kind *scenario.RecordKind, f *scenario.RecordField) {
	got := r.Field(f.Name)
	if f.Key == "" || got == "" {
		return
	}
	c.keyed[r.Kind+" "+f.Key]++
	if f.Values != nil {
		Expect(f.Values).To(ContainElement(got), "%s: %s of %s", path, f.Name, r.Kind)
	}
	if len(f.Of) > 0 && kind.Principal == "" { // a packet
		named := false
		for _, name := range f.Of {
			named = named || decode.FieldsMatch(r.Fields, name)
		}
		Expect(named).To(BeTrue(), "%s: a %s has %s", path, r.Field("name"), f.Name)
	}
}

var _ = Describe("The reference of records", func() {
	It("has every record and every field of the catalogue's traces, and each key meets a field", func() {
		c := &census{strangers: map[string]string{}, keyed: map[string]int{}}
		for _, path := range files() {
			f, err := scenario.Parse(path)
			Expect(err).NotTo(HaveOccurred())
			_, err = play.Run(f, play.Options{Subscribe: []func(trace.Record){func(r trace.Record) { c.count(path, r) }}})
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(c.strangers).To(BeEmpty(), "sim/scenario/records.go lacks these")
		for _, kind := range scenario.RecordKinds() {
			for _, f := range kind.Fields {
				if f.Key != "" && f.Key != "role" { // no policy of the catalogue hands out roles
					Expect(c.keyed).To(HaveKey(kind.Name+" "+f.Key), "nothing in the catalogue can be met by this key")
				}
			}
		}
	})
})
