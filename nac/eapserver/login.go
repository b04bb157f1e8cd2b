package eapserver

import (
	"fmt"
	"sync"

	"nacsim/nac/credential"
)

// The reasons for which a client's password or its tunnelled method is refused.
const (
	BadCredentials       Reason = "bad_credentials"       // the password is wrong
	UnknownUser          Reason = "unknown_user"          // the directory does not know the user
	AccountDisabled      Reason = "account_disabled"      // or does not let it in
	DirectoryUnavailable Reason = "directory_unavailable" // the directory did not answer
	InnerMethod          Reason = "inner_method"          // what the client does in the tunnel is not allowed, or cannot be checked
)

// lostAccount reports whether the reason is that the user has no account to log in to.
func (r Reason) lostAccount() bool { return r == UnknownUser || r == AccountDisabled }

// A login is a question to the directory and its answer, which may come at any time and from any task.
type login struct {
	question credential.Question

	mu     sync.Mutex
	answer credential.Answer
}

// ask makes the outcome that has the directory asked. Without one nobody can be let in.
func (c *Config) ask(q credential.Question) (*login, outcome) {
	l := &login{question: q, answer: credential.Answer{Reason: credential.Unavailable, Text: "there is no directory"}}
	if c.Directory == nil {
		return l, outcome{kind: Waiting, wait: func(done func()) { done() }}
	}
	return l, outcome{kind: Waiting, wait: func(done func()) {
		c.Directory.Ask(q, func(a credential.Answer) {
			l.set(a)
			done()
		})
	}}
}

func (l *login) set(a credential.Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = a
}

func (l *login) get() credential.Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answer
}

// ReasonOf is the reason of a failure that a directory gives rise to.
func ReasonOf(r credential.Reason) Reason {
	switch r {
	case credential.UnknownUser:
		return UnknownUser
	case credential.Disabled:
		return AccountDisabled
	case credential.Unsupported:
		return InnerMethod
	case credential.Unavailable:
		return DirectoryUnavailable
	}
	return BadCredentials
}

// refusal says why the directory does not believe the client.
func (l *login) refusal(a credential.Answer) *Failure {
	return refusedUser(a, l.question.User, " by "+l.question.Proof.Name())
}

// refusedUser is the failure of a user whom the directory does not let in; how says in words what was tried.
func refusedUser(a credential.Answer, user, how string) *Failure {
	f := &Failure{Reason: BadCredentials, User: user, Text: fmt.Sprintf("user %.64q%s: %s", user, how, a.Text)}
	switch a.Reason {
	case credential.UnknownUser:
		f.Reason = UnknownUser
	case credential.Disabled:
		f.Reason = AccountDisabled
	case credential.Unsupported:
		f.Reason = InnerMethod
	case credential.Unavailable:
		f.Reason = DirectoryUnavailable
	}
	return f
}
