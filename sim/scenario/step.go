package scenario

import (
	"strconv"
	"time"
)

// A Step does or expects one thing. A step begins when the one before it has ended and its own time has come.
type Step struct {
	Pos
	// Index counts the steps of the file from 1.
	Index int

	// At is the world time since the start of the scenario at which the step begins, or nil. A step whose
	// time has already passed when the one before it ends begins then.
	At *time.Duration
	// After is the time between the end of the step before and the beginning of this one.
	After time.Duration
	// Within bounds how long an expectation may take to become true; the step ends when it is true. Zero means
	// that it must be true when the step begins.
	Within time.Duration
	// For is how long an expectation must stay true (with [Expect].Not: must not become true) once it is.
	For time.Duration
	// Note is text for the timeline.
	Note string

	// Exactly one of these is set.
	Connect     *Connect
	Disconnect  *Disconnect
	Posture     *SetPosture
	Sync        *Sync
	Enroll      *Enroll
	Retire      *Retire
	Wipe        *Wipe
	ReEnroll    *ReEnroll
	ForceState  *ForceState
	Compliance  *SetCompliance
	Rename      *Rename
	Certificate *Reissue
	Graph       *Graph
	Link        *Link
	Packet      *PacketFault
	CoAAnswer   *CoAAnswer
	Crash       *Crash
	Restart     *Restart
	Policy      *Policy
	User        *SetUser
	Password    *SetPassword
	Revoke      *Revoke
	Expect      *Expect
}

// Connect plugs a device into a switch port or associates it with an access point. A device that is connected
// elsewhere leaves there first.
type Connect struct {
	Pos
	Device string
	NAS    string
	// Port is the switch port, from 1, or 0 for an access point.
	Port int
}

// To returns the attachment as written in a scenario: "ap-1" or "sw-1/3".
func (c *Connect) To() string {
	if c.Port == 0 {
		return c.NAS
	}
	return c.NAS + "/" + strconv.Itoa(c.Port)
}

// Disconnect unplugs a device or makes it leave its access point.
type Disconnect struct {
	Pos
	Device string
}

// SetPosture changes facts on a device. Intune learns of it at the device's next check-in.
type SetPosture struct {
	Pos
	Device  string
	Posture Posture
}

// Sync makes a device check in with Intune now.
type Sync struct {
	Pos
	Device string
}

// Enroll makes Intune manage a device that it does not know. Record is the device's record with what the step
// changed of it.
type Enroll struct {
	Pos
	Device string
	Record DeviceIntune
}

// Retire removes a device from Intune: at once, or when the device has checked in and obeyed.
type Retire struct {
	Pos
	Device  string
	Pending bool
}

// Wipe has a device wipe itself at its next check-in, after which it is gone from Intune.
type Wipe struct {
	Pos
	Device string
}

// ReEnroll lets a device enrol anew, with another Intune device ID and the same Entra device ID. Keep leaves the record of before
// as a stale twin.
type ReEnroll struct {
	Pos
	Device string
	Keep   bool
}

// ForceState gives a device a complianceState whatever its posture; an empty one lets the policies decide again.
type ForceState struct {
	Pos
	Device string
	State  string
}

// SetCompliance replaces the compliance policies in Intune: by Policies, by Compliance where there are none, or with Restore by those of
// the file.
type SetCompliance struct {
	Pos
	Restore    bool
	Compliance Compliance
	Policies   []CompliancePolicy
	// AtOnce evaluates all devices now by what they reported last, not at their next check-in.
	AtOnce bool
}

// Rename gives a device another name in Intune. Its certificate keeps the old one.
type Rename struct {
	Pos
	Device string
	To     string
}

// Reissue gives a device a new certificate, used from its next authentication on. What the step does not mention
// is as in the device's certificate in the file, except for the validity, which counts from the step and is by
// default that of a new certificate.
type Reissue struct {
	Pos
	Device      string
	Certificate Certificate
}

// Values of [PacketFault].Action.
const (
	ActionDrop      = "drop"
	ActionDuplicate = "duplicate"
	ActionDelay     = "delay"
)

// A PacketFault befalls the next Count packets that match, from the step on.
type PacketFault struct {
	Pos
	// From and To are hosts; empty means any.
	From string
	To   string
	// Match is the packet's name, one of those that [PacketNames] returns.
	Match string
	// Action is ActionDrop, ActionDuplicate or ActionDelay.
	Action string
	// Delay is added to a delayed packet, and is the lag of a duplicate.
	Delay time.Duration
	Count int
}

// A CoAAnswer makes a NAS refuse the next Count CoA-Requests and Disconnect-Requests.
type CoAAnswer struct {
	Pos
	NAS string
	// NAK is the Error-Cause (RFC 5176 section 3.5).
	NAK   int
	Count int
}

// Crash stops a host as a power cut does: its tasks and what it had not stored are gone.
type Crash struct {
	Pos
	Host string
}

// Restart boots a host again; one that is up is crashed first.
type Restart struct {
	Pos
	Host string
}

// Verb returns the name of what the step does, as written in the file.
func (s *Step) Verb() string {
	for _, v := range verbs {
		if v.is(s) {
			return v.name
		}
	}
	return ""
}

// Deadline returns the latest time at which the expectation of a step that begins at t may still become true.
func (s *Step) Deadline(t time.Time) time.Time { return t.Add(s.Within) }
