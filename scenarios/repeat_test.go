package scenarios_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// run plays the whole catalogue with the program and returns what it left, by path.
func run(program, folder string, env ...string) map[string][]byte {
	catalogue, err := filepath.Abs(".")
	Expect(err).NotTo(HaveOccurred())
	command := exec.Command(program, "run", "--out", "out", catalogue)
	command.Dir = folder
	command.Env = append(os.Environ(), env...)
	output, err := command.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(output))
	left := map[string][]byte{}
	err = filepath.WalkDir(filepath.Join(folder, "out"), func(path string, entry fs.DirEntry, err error) error {
		// The report says how long the run took in truth, which is another time each time.
		if err != nil || entry.IsDir() || entry.Name() == "junit.xml" {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err == nil {
			left[name], err = os.ReadFile(path)
		}
		return err
	})
	Expect(err).NotTo(HaveOccurred())
	return left
}

var _ = Describe("The program", func() {
	It("leaves the same bytes on one core and on all, in another folder, under another name", func() {
		dir := GinkgoT().TempDir()
		program, renamed := filepath.Join(dir, "nacsim"), filepath.Join(dir, "another-name")
		output, err := exec.Command("go", "build", "-o", program, "nacsim").CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(output))
		Expect(os.Link(program, renamed)).To(Succeed())

		one := run(program, GinkgoT().TempDir(), "GOMAXPROCS=1")
		all := run(renamed, GinkgoT().TempDir(), "GOGC=20")
		Expect(one).To(HaveLen(2*len(files())), "a trace and a capture of each scenario")
		for name, want := range one {
			Expect(bytes.Equal(all[name], want)).To(BeTrue(), name+": "+divergence(want, all[name]))
			Expect(strings.Contains(string(want), dir)).To(BeFalse(), name+" names a folder of this machine")
		}
	})
})
