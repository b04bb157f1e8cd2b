// Package scenarios_test plays the catalogue: every scenario twice, and compares what the two runs left.
package scenarios_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"nacsim/nac/policy"
	"nacsim/sim/invariant"
	"nacsim/sim/play"
	"nacsim/sim/scenario"
	"nacsim/sim/trace"
)

func TestScenarios(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Catalogue")
}

// files are the scenarios of this folder.
func files() []string {
	names, err := filepath.Glob("*.yaml")
	if err != nil || len(names) == 0 {
		panic("no scenarios in this folder")
	}
	return names
}

// record plays a scenario, holds the run against the invariants, and returns the result with what it left, by file name.
func record(path string) (*play.Result, map[string][]byte) {
	f, err := scenario.Parse(path)
	Expect(err).NotTo(HaveOccurred())
	dir := GinkgoT().TempDir()
	holds := invariant.New(f, f.Seed)
	result, err := play.Run(f, play.Options{Dir: dir, Subscribe: []func(trace.Record){holds.Record}})
	Expect(err).NotTo(HaveOccurred())
	for _, v := range holds.Violations() {
		Fail(path + ": " + v.Error())
	}
	left := map[string][]byte{}
	for _, name := range []string{play.TraceFile, play.CaptureFile} {
		left[name], err = os.ReadFile(filepath.Join(dir, name))
		Expect(err).NotTo(HaveOccurred())
	}
	return result, left
}

// divergence is where two traces part, for the reader of a failure.
func divergence(a, b []byte) string {
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) {
			return "first difference:\n" + string(x[i]) + "\n" + string(y[i])
		}
	}
	return "one is longer"
}

var _ = Describe("The catalogue", func() {
	for _, path := range files() {
		name := strings.TrimSuffix(path, ".yaml")
		It("plays "+name+", and plays it again to the same bytes", func() {
			first, one := record(path)
			AddReportEntry("trace", first.Sum)
			if first.Failure != nil {
				Fail(first.Failure.Error())
			}
			second, two := record(path)
			Expect(bytes.Equal(one[play.TraceFile], two[play.TraceFile])).To(BeTrue(), divergence(one[play.TraceFile], two[play.TraceFile]))
			Expect(bytes.Equal(one[play.CaptureFile], two[play.CaptureFile])).To(BeTrue(), "the captures differ")
			Expect(second.Sum).To(Equal(first.Sum))
		})
	}

	It("opens each file with the modeline, what it shows and what it covers", func() {
		for _, path := range files() {
			f, err := scenario.Parse(path)
			Expect(err).NotTo(HaveOccurred())
			Expect(f.Shows).NotTo(BeEmpty(), path)
			Expect(f.Covers).NotTo(BeEmpty(), path)
			source, err := os.ReadFile(path)
			Expect(err).NotTo(HaveOccurred())
			Expect(string(source)).To(HavePrefix("# yaml-language-server: $schema=schema/scenario.schema.json\n"), path)
		}
	})

	It("ships the schemas that the programs print", func() {
		for name, want := range map[string][]byte{"scenario": scenario.Schema(), "policy": policy.Schema()} {
			shipped, err := os.ReadFile(filepath.Join("schema", name+".schema.json"))
			Expect(err).NotTo(HaveOccurred())
			Expect(bytes.TrimSpace(shipped)).To(Equal(bytes.TrimSpace(want)), "run: go run . schema > scenarios/schema/scenario.schema.json (and schema --policy > policy.schema.json)")
		}
	})

	It("gives another trace with another seed", func() {
		f, err := scenario.Parse("onboarding-wireless.yaml")
		Expect(err).NotTo(HaveOccurred())
		seed := uint64(2)
		other, err := play.Run(f, play.Options{Seed: &seed})
		Expect(err).NotTo(HaveOccurred())
		Expect(other.Failure).To(BeNil())
		first, _ := record("onboarding-wireless.yaml")
		Expect(other.Sum).NotTo(Equal(first.Sum))
	})
})
