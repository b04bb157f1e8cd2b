package credential

import (
	"crypto/md5"
	"slices"
	"strings"
	"testing"

	"nacsim/internal/mschap"
)

// proofs are those of a client that knows a password.
func proofs(user, password string) []Proof {
	challenge := [16]byte{1, 2, 3}
	hash := mschap.NTHash([]byte(password))
	v2 := MSCHAPv2{UserName: mschap.UserName(user), AuthenticatorChallenge: challenge, PeerChallenge: [16]byte{4}}
	v2.Response = mschap.ResponseV2(v2.AuthenticatorChallenge, v2.PeerChallenge, v2.UserName, hash)
	return []Proof{
		PAP{Password: []byte(password)},
		CHAP{ID: 9, Challenge: challenge[:], Response: md5.Sum([]byte("\x09" + password + string(challenge[:])))},
		MSCHAP{Challenge: [8]byte{7}, Response: mschap.Response([8]byte{7}, hash)},
		v2,
	}
}

func ask(t *testing.T, d Directory, user string, p Proof) (got Answer) {
	t.Helper()
	calls := 0
	d.Ask(Question{User: user, Proof: p}, func(a Answer) { got = a; calls++ })
	if calls != 1 {
		t.Fatalf("%d answers", calls)
	}
	return got
}

func newUsers(t *testing.T) *Users {
	t.Helper()
	// The hash is that of "hashed".
	hash := mschap.NTHash([]byte("hashed"))
	u, err := NewUsers(UsersConfig{
		Users: []User{
			{Name: "anna", Password: "Grüße", Groups: []string{"staff"}},
			{Name: "Anna@Guests.example", Password: "guest"},
			{Name: "ben", NTHash: strings.ToUpper(hexText(hash[:]))},
			{Name: "gone", Password: "secret", Disabled: true},
		},
		Realms:  []string{"Corp.example", "guests.example"},
		Domains: []string{"CORP"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func hexText(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

func TestUsers(t *testing.T) {
	u := newUsers(t)
	for _, c := range []struct {
		user, password string
		want           Reason // empty for a user who is let in
	}{
		{"anna", "Grüße", ""}, {"ANNA", "Grüße", ""}, {"anna@corp.example", "Grüße", ""}, {`corp\Anna`, "Grüße", ""},
		{"anna@guests.example", "guest", ""}, {"anna@guests.example", "Grüße", WrongPassword},
		{"anna", "grüße", WrongPassword}, {"anna", "", WrongPassword}, {"anna", "Grüße\x00", WrongPassword},
		{"anna@other.example", "Grüße", UnknownUser}, {`other\anna`, "Grüße", UnknownUser}, {"", "Grüße", UnknownUser},
		{strings.Repeat("a", 300), "x", UnknownUser},
		{"gone", "secret", Disabled}, {"gone", "wrong", WrongPassword},
	} {
		for _, p := range proofs(c.user, c.password) {
			a := ask(t, u, c.user, p)
			if a.OK != (c.want == "") || a.Reason != c.want || (a.Text == "") != a.OK {
				t.Errorf("%q with %q by %s: %+v, want %q", c.user, c.password, p.Name(), a, c.want)
			}
			if a.OK && p.Name() == "mschapv2" && a.NTHash != mschap.NTHash([]byte(c.password)) {
				t.Errorf("%q by mschapv2: hash %x", c.user, a.NTHash)
			}
		}
	}
	if a := ask(t, u, "anna", PAP{Password: []byte("Grüße")}); !slices.Equal(a.Groups, []string{"staff"}) || a.NTHash != [16]byte{} {
		t.Errorf("got %+v", a)
	}
}

// TestNTHash: a hash is enough for all but CHAP.
func TestNTHash(t *testing.T) {
	u := newUsers(t)
	for _, p := range proofs("ben", "hashed") {
		a := ask(t, u, "ben", p)
		if want := p.Name() != "chap"; a.OK != want {
			t.Errorf("%s: %+v", p.Name(), a)
		} else if !want && a.Reason != Unsupported {
			t.Errorf("%s: %+v", p.Name(), a)
		}
	}
	for _, p := range proofs("ben", "other") {
		if a := ask(t, u, "ben", p); a.OK {
			t.Errorf("%s: %+v", p.Name(), a)
		}
	}
}

func TestStanding(t *testing.T) {
	u := newUsers(t)
	for name, want := range map[string]Reason{"Anna@corp.example": "", "gone": Disabled, "nobody": UnknownUser} {
		if a := u.Standing(name); a.OK != (want == "") || a.Reason != want || a.OK && !slices.Equal(a.Groups, []string{"staff"}) {
			t.Errorf("%s: %+v, want %q", name, a, want)
		}
	}
}

func TestUsersMistakes(t *testing.T) {
	for _, c := range []struct {
		users []User
		want  string
	}{
		{[]User{{Name: "", Password: "x"}}, "name of 0 octets"},
		{[]User{{Name: strings.Repeat("a", 254), Password: "x"}}, "name of 254 octets"},
		{[]User{{Name: "a"}}, "want a password or an NT hash"},
		{[]User{{Name: "a", NTHash: "31D6CFE0D16AE931B73C59D7E0C089C0"}}, "that of the empty password"},
		{[]User{{Name: "a", Password: "x", NTHash: strings.Repeat("0", 32)}}, "want a password or an NT hash"},
		{[]User{{Name: "a", NTHash: strings.Repeat("0", 31)}}, "32 hexadecimal digits"},
		{[]User{{Name: "a", NTHash: strings.Repeat("0", 34)}}, "32 hexadecimal digits"},
		{[]User{{Name: "a", NTHash: strings.Repeat("g", 32)}}, "32 hexadecimal digits"},
		{[]User{{Name: "a", Password: strings.Repeat("x", 257)}}, "password of 257 octets"},
		{[]User{{Name: "a", Password: "x"}, {Name: "A", Password: "y"}}, `user "A" is there twice`},
	} {
		if _, err := NewUsers(UsersConfig{Users: c.users}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.users, err, c.want)
		}
	}
}
