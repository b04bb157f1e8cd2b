package nac

import (
	"nacsim/internal/host"
	"nacsim/nac/credential"
)

// newDirectory returns who is asked about passwords: the users of the configuration, then Entra ID about those who are
// not among them. It is nil if there is neither, and so is users if there are none.
func newDirectory(h host.Host, cfg *Config) (_ credential.Directory, users *credential.Users, err error) {
	var both directories
	if cfg.Users != nil {
		if users, err = credential.NewUsers(*cfg.Users); err != nil {
			return nil, nil, err
		}
		both = append(both, users)
	}
	if cfg.Entra != nil {
		entra, err := credential.NewEntra(h, *cfg.Entra)
		if err != nil {
			return nil, nil, err
		}
		both = append(both, entra)
	}
	switch len(both) {
	case 0:
		return nil, nil, nil
	case 1:
		return both[0], users, nil
	}
	return both, users, nil
}

// directories are asked one after the other, until one knows the user.
type directories []credential.Directory

// Standing implements [credential.Register] as far as the directories do. Of one that does not, as with none, a user who
// resumes a session is believed.
func (d directories) Standing(user string) credential.Answer {
	r, ok := d[0].(credential.Register)
	if !ok {
		return credential.Answer{OK: true}
	}
	a := r.Standing(user)
	if a.Reason == credential.UnknownUser && len(d) > 1 {
		return d[1:].Standing(user)
	}
	return a
}

// Ask implements credential.Directory.
func (d directories) Ask(q credential.Question, answer func(credential.Answer)) {
	d[0].Ask(q, func(a credential.Answer) {
		if a.Reason == credential.UnknownUser && len(d) > 1 {
			d[1:].Ask(q, answer)
			return
		}
		answer(a)
	})
}
