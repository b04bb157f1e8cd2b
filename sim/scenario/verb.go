package scenario

// verbs are the things a step can do, in the order of the documentation.
var verbs = []struct {
	name string
	is   func(*Step) bool
}{
	{"connect", func(s *Step) bool { return s.Connect != nil }},
	{"disconnect", func(s *Step) bool { return s.Disconnect != nil }},
	{"posture", func(s *Step) bool { return s.Posture != nil }},
	{"sync", func(s *Step) bool { return s.Sync != nil }},
	{"enroll", func(s *Step) bool { return s.Enroll != nil }},
	{"retire", func(s *Step) bool { return s.Retire != nil }},
	{"rename", func(s *Step) bool { return s.Rename != nil }},
	{"certificate", func(s *Step) bool { return s.Certificate != nil }},
	{"policy", func(s *Step) bool { return s.Policy != nil }},
	{"graph", func(s *Step) bool { return s.Graph != nil }},
	{"link", func(s *Step) bool { return s.Link != nil }},
	{"packet", func(s *Step) bool { return s.Packet != nil }},
	{"coa_answer", func(s *Step) bool { return s.CoAAnswer != nil }},
	{"crash", func(s *Step) bool { return s.Crash != nil }},
	{"restart", func(s *Step) bool { return s.Restart != nil }},
	{"expect", func(s *Step) bool { return s.Expect != nil }},
}
