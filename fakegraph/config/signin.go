package config

import (
	"time"

	"nacsim/fakegraph/entra"
	"nacsim/internal/yamltable"
)

// signIn is how users sign in and apps are given tokens.
type signIn struct {
	layout string
	entra.Settings
}

var errorLayouts = []string{"one_line", "lines"}

var signInProperties = []yamltable.Property[signIn]{
	flag("show_passwords", "Whether the sign-in page lists the users with their passwords.", false, func(s *signIn) *bool { return &s.ShowPasswords }),
	choice("error_layout", "How the description of an error is laid out: in one line, or in lines.", errorLayouts, func(s *signIn) *string { return &s.layout }),
	duration("continuous_access", "How long a token can be used by a client that can handle claims challenges. The default is the token_lifetime.", "", day, 28*time.Hour,
		func(s *signIn) *time.Duration { return &s.ContinuousAccess }),
	flag("publish_next_key", "Whether the next signing key is published before it signs.", false, func(s *signIn) *bool { return &s.PublishNextKey }),
	number("lockout_threshold", "How many wrong passwords in a row lock an account. The default is 10.", 1, 1_000_000, func(s *signIn) *int { return &s.LockoutThreshold }),
	duration("lockout", "How long an account is locked then.", "1m0s", time.Second, day, func(s *signIn) *time.Duration { return &s.LockoutDuration }),
}

// settings are those of the authority.
func (s *signIn) settings() entra.Settings {
	out := s.Settings
	out.ErrorLayout = entra.ErrorLayout(position(errorLayouts, s.layout))
	return out
}
