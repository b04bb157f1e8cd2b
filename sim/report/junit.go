package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The elements of JUnit XML as CI systems read it: there is no standard, this is the common core of what Jenkins,
// GitLab and GitHub's actions understand.

type testSuites struct {
	XMLName  xml.Name  `xml:"testsuites"`
	Name     string    `xml:"name,attr"`
	Tests    int       `xml:"tests,attr"`
	Failures int       `xml:"failures,attr"`
	Errors   int       `xml:"errors,attr"`
	Time     string    `xml:"time,attr"`
	Suite    testSuite `xml:"testsuite"`
}

type testSuite struct {
	Name       string        `xml:"name,attr"`
	Tests      int           `xml:"tests,attr"`
	Failures   int           `xml:"failures,attr"`
	Errors     int           `xml:"errors,attr"`
	Time       string        `xml:"time,attr"`
	Properties []xmlProperty `xml:"properties>property"`
	Cases      []testCase    `xml:"testcase"`
}

type xmlProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type testCase struct {
	Name       string        `xml:"name,attr"`
	Class      string        `xml:"classname,attr"`
	File       string        `xml:"file,attr"`
	Time       string        `xml:"time,attr"`
	Properties []xmlProperty `xml:"properties>property"`
	Failure    *problem      `xml:"failure"`
	Error      *problem      `xml:"error"`
}

type problem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",cdata"`
}

// WriteJUnit writes the run as JUnit XML: one test case for each scenario, with its seed, trace and world time as
// properties, the failed expectation as failure, and a fault of nacsim as error.
func WriteJUnit(w io.Writer, r *Run) error {
	failed, faults := r.Count(Failed), r.Count(Fault)
	suite := testSuite{
		Name: "nacsim", Tests: len(r.Scenarios), Failures: failed, Errors: faults, Time: seconds(r.Took),
		Properties: []xmlProperty{{"version", r.Version}},
	}
	for i := range r.Scenarios {
		suite.Cases = append(suite.Cases, newTestCase(&r.Scenarios[i]))
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(testSuites{
		Name: suite.Name, Tests: suite.Tests, Failures: failed, Errors: faults, Time: suite.Time, Suite: suite,
	}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func newTestCase(s *Scenario) testCase {
	c := testCase{
		Name: s.Title, Class: s.Name, File: s.File, Time: seconds(s.Took),
		Properties: []xmlProperty{
			{"seed", strconv.FormatUint(s.Seed, 10)},
			{"world", map[bool]string{false: "virtual", true: "live"}[s.Live]},
			{"lasted", s.Lasted.String()},
			{"steps", strconv.Itoa(s.Steps)},
		},
	}
	if s.Dir != "" {
		c.Properties = append(c.Properties, xmlProperty{"output", s.Dir})
	}
	if s.Sum != "" {
		c.Properties = append(c.Properties, xmlProperty{"trace_sha256", s.Sum})
	}
	p := &problem{Message: s.Message, Type: s.Outcome.String(), Text: "\n" + strings.Map(printable, strings.Trim(s.Detail, "\n")) + "\n"}
	switch s.Outcome {
	case Failed:
		p.Type = "expectation"
		c.Failure = p
	case Fault:
		c.Error = p
	}
	return c
}

// printable replaces what XML cannot contain (XML 1.0 section 2.2), which the encoder does not look for in CDATA.
func printable(r rune) rune {
	switch {
	case r == '\n', r == '\t', r >= 0x20 && r <= 0xd7ff, r >= 0xe000 && r <= 0xfffd, r >= 0x10000:
		return r
	}
	return '\ufffd'
}

// seconds writes a duration as JUnit does.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
