package scenarios_test

import (
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"nacsim/sim/play"
	"nacsim/sim/scenario"
)

var _ = Describe("The README", func() {
	It("shows a first scenario that passes", func() {
		readme, err := os.ReadFile("../README.md")
		Expect(err).NotTo(HaveOccurred())
		_, rest, found := strings.Cut(string(readme), "```yaml\n")
		Expect(found).To(BeTrue(), "no YAML in the README")
		text, _, _ := strings.Cut(rest, "```")
		policies, err := filepath.Abs("policies")
		Expect(err).NotTo(HaveOccurred())
		path := filepath.Join(GinkgoT().TempDir(), "first.yaml")
		Expect(os.WriteFile(path, []byte(strings.ReplaceAll(text, "scenarios/policies", policies)), 0o644)).To(Succeed())
		f, err := scenario.Parse(path)
		Expect(err).NotTo(HaveOccurred())
		result, err := play.Run(f, play.Options{})
		Expect(err).NotTo(HaveOccurred())
		if result.Failure != nil {
			Fail(result.Failure.Error())
		}
	})

	It("begins with two commands", func() {
		readme, err := os.ReadFile("../README.md")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(readme)).To(HavePrefix("# nacsim\n\n    go run . run scenarios/onboarding-wireless.yaml\n    make test\n\n"))
	})
})
