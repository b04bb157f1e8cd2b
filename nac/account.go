package nac

import (
	"fmt"
	"slices"

	"nacsim/nac/credential"
	"nacsim/nac/policy"
)

// accounts is what the NAC can tell at once of the users whose passwords it has checked.
type accounts struct {
	users *credential.Users // nil if there are none
	// others says that a directory is asked too, which knows more users and cannot be asked without a password.
	others bool
}

// standing is what is known of a user now; false means nothing, and what was learnt from the password stays true.
func (a *accounts) standing(user string) (answer credential.Answer, known bool) {
	answer = credential.Answer{Reason: credential.UnknownUser, Text: "no such user"}
	if a.users != nil {
		answer = a.users.Standing(user)
	}
	return answer, answer.Reason != credential.UnknownUser || !a.others
}

// account brings the facts of a session up to date with what is known of its user, and of its machine if that has shown
// a password. Refusal says why one may not have the session any more; it is empty if they may.
func (n *NAC) account(r *policy.Request) (refusal string) {
	names := make([]string, 0, 2)
	if r.ByPassword() {
		names = append(names, r.UserName)
	}
	if r.Machine != "" && r.MachineCertificate == nil && r.Machine != r.UserName {
		names = append(names, r.Machine)
	}
	for _, name := range names {
		switch a, known := n.accounts.Load().standing(name); {
		case !known:
		case !a.OK:
			return fmt.Sprintf("user %.80q: %s", name, a.Text)
		case name == r.UserName:
			r.Groups = a.Groups
		}
	}
	return ""
}

// causeReload is the cause of a change of authorization that follows from another configuration.
const causeReload = "configuration changed"

// reconsider has all sessions held against the configuration, which has just changed.
func (n *NAC) reconsider() {
	sessions := n.sessions.All()
	for i := range sessions {
		cause, r := causeReload, sessions[i].Request
		if refusal := n.account(&r); refusal != "" {
			cause = refusal
		} else if !slices.Equal(r.Groups, sessions[i].Request.Groups) {
			cause = fmt.Sprintf("groups of user %.80q changed", r.UserName)
		}
		n.reconciler.Mark(r.MAC, cause)
	}
}
