package revocation

import (
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestListedCertificates(t *testing.T) {
	root := newRoot(t, "root")
	sub := root.sub("sub")
	good, bad := sub.issue(nil), sub.issue(nil)
	for _, c := range []struct {
		name   string
		crl    []byte
		fail   string
		leaf   *x509.Certificate
		status Status
		text   string
	}{
		{"good", pemCRL(sub.crl(epoch, nil, bad), root.crl(epoch, nil)), Hard, good, Good, ""},
		{"revoked", pemCRL(sub.crl(epoch, nil, bad), root.crl(epoch, nil)), Soft, bad, Revoked,
			`certificate "laptop" (serial 66) was revoked at 2026-01-05T07:00:00Z (key compromise), says crl corp.crl`},
		{"intermediate revoked", pemCRL(sub.crl(epoch, nil), root.crl(epoch, nil, sub.cert)), Soft, good, Revoked, `certificate "sub" (serial 2)`},
		{"revoked in an expired list", sub.crl(epoch.Add(-2*day), nil, bad), Soft, bad, Revoked, "was revoked"},
		{"expired list, soft", pemCRL(sub.crl(epoch.Add(-2*day), nil), root.crl(epoch, nil)), Soft, good, Good, "no current list covers it"},
		{"expired list, hard", pemCRL(sub.crl(epoch.Add(-2*day), nil), root.crl(epoch, nil)), Hard, good, Undetermined, "no current list covers it"},
		{"list of the future, hard", pemCRL(sub.crl(epoch.Add(time.Hour), nil), root.crl(epoch, nil)), Hard, good, Undetermined, `"laptop"`},
		{"no list for the intermediate, hard", sub.crl(epoch, nil), Hard, good, Undetermined, `certificate "sub"`},
		{"no list for the intermediate, soft", sub.crl(epoch, nil), Soft, good, Good, `certificate "sub"`},
		{"list of a namesake", pemCRL(newRoot(t, "sub").crl(epoch, nil, bad), root.crl(epoch, nil)), Hard, bad, Undetermined, `"laptop"`},
		{"the newer list counts", pemCRL(sub.crl(epoch.Add(-time.Hour), nil, bad), sub.crl(epoch, nil), root.crl(epoch, nil)), Hard, bad, Good, ""},
		{"the newer list counts, other order", pemCRL(sub.crl(epoch, nil), sub.crl(epoch.Add(-time.Hour), nil, bad), root.crl(epoch, nil)), Hard, bad, Good, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWeb(t)
			w.files["corp.crl"] = c.crl
			s := w.service(t, Config{CRL: []string{"corp.crl"}, Fail: c.fail})
			v := w.check(t, s, nil, c.leaf, sub.cert, root.cert)
			if v.Status != c.status || !strings.Contains(v.Text, c.text) || c.text == "" && v.Text != "" {
				t.Errorf("verdict is %v %q, want %v %q", v.Status, v.Text, c.status, c.text)
			}
			if v.Status == Revoked && (v.Source != "crl corp.crl" || v.RevokedAt.IsZero() || v.Reason != 1) {
				t.Errorf("verdict is %+v", v)
			}
		})
	}
}

// TestFileIsReadAgain: a new list counts a minute later, a broken one never.
func TestFileIsReadAgain(t *testing.T) {
	ca, w := newRoot(t, "corp"), newWeb(t)
	leaf := ca.issue(nil)
	w.files["corp.crl"] = ca.crl(epoch, nil)
	s := w.service(t, Config{CRL: []string{"corp.crl"}})
	if v := w.check(t, s, nil, leaf, ca.cert); v.Status != Good || v.Text != "" {
		t.Fatalf("verdict is %+v", v)
	}
	w.files["corp.crl"] = []byte("half a li")
	w.Advance(2 * time.Minute)
	if v := w.check(t, s, nil, leaf, ca.cert); v.Status != Good || v.Text != "" {
		t.Errorf("verdict after a broken file is %+v", v)
	}
	if w.Traced("revocation", "source=corp.crl", "result=error") == 0 {
		t.Error("the broken file is not in the trace")
	}
	w.files["corp.crl"] = ca.crl(epoch.Add(time.Minute), nil, leaf)
	w.Advance(2 * time.Minute)
	if v := w.check(t, s, nil, leaf, ca.cert); v.Status != Revoked {
		t.Errorf("verdict after the new file is %+v", v)
	}
}

// TestURLIsFetchedWhenDue: at nextUpdate, and soon again after a failure.
func TestURLIsFetchedWhenDue(t *testing.T) {
	const url = "http://pki.corp.example/corp.crl"
	ca, w := newRoot(t, "corp"), newWeb(t)
	leaf := ca.issue(nil)
	s := w.service(t, Config{CRL: []string{url}, Fail: Hard})
	if v := w.check(t, s, nil, leaf, ca.cert); v.Status != Undetermined {
		t.Errorf("before the first list: %+v", v)
	}
	short := func(l *x509.RevocationList) { l.NextUpdate = l.ThisUpdate.Add(10 * time.Minute) }
	list := ca.crl(epoch, short)
	w.pages[url] = func(*http.Request) ([]byte, int) { return list, 200 }
	w.Advance(2 * time.Minute)
	if v := w.check(t, s, nil, leaf, ca.cert); v.Status != Good {
		t.Errorf("with the list: %+v", v)
	}
	before := len(w.requests)
	list = ca.crl(epoch.Add(9*time.Minute), short, leaf)
	w.Advance(10 * time.Minute)
	if v := w.check(t, s, nil, leaf, ca.cert); v.Status != Revoked || v.Source != "crl "+url {
		t.Errorf("after nextUpdate: %+v", v)
	}
	if n := len(w.requests) - before; n == 0 || n > 3 {
		t.Errorf("%d requests in ten minutes: %v", n, w.requests)
	}
	w.pages[url] = func(*http.Request) ([]byte, int) { return nil, 404 }
	w.Advance(time.Hour)
	if v := w.check(t, s, nil, leaf, ca.cert); v.Status != Revoked {
		t.Errorf("when the server fails: %+v", v)
	}
	if w.Traced("revocation", "result=error") == 0 {
		t.Error("the failing server is not in the trace")
	}
}

// TestForgedListChangesNothing: whoever is between the NAC and a web server can hand out any list, but not make the CA's
// forget what it has revoked.
func TestForgedListChangesNothing(t *testing.T) {
	const url = "http://pki.corp.example/corp.crl"
	ca := newRoot(t, "corp")
	leaf, other := ca.issue(nil), ca.issue(nil)
	forger := newRoot(t, "corp")
	forger.cert.SubjectKeyId = ca.cert.SubjectKeyId
	for name, c := range map[string]struct {
		sources []string
		list    []byte
	}{
		"forged":                    {[]string{url}, forger.crl(epoch.Add(time.Hour), nil)},
		"forged beside a file":      {[]string{"corp.crl", url}, forger.crl(epoch.Add(time.Hour), nil)},
		"older":                     {[]string{url}, ca.crl(epoch.Add(-time.Hour), nil)},
		"forged, in place of a new": {[]string{url}, forger.crl(epoch.Add(2*time.Hour), nil)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWeb(t)
			list := ca.crl(epoch, nil, leaf)
			w.files["corp.crl"] = list
			w.pages[url] = func(*http.Request) ([]byte, int) { return list, 200 }
			s := w.service(t, Config{CRL: c.sources, Fail: Hard})
			w.Advance(time.Second)
			if v := w.check(t, s, nil, leaf, ca.cert); v.Status != Revoked {
				t.Fatalf("before: %+v", v)
			}
			list = c.list
			for range 3 {
				w.Advance(2 * time.Hour)
				if v := w.check(t, s, nil, leaf, ca.cert); v.Status != Revoked {
					t.Errorf("after: %+v", v)
				}
				if v := w.check(t, s, nil, other, ca.cert); v.Status != Good {
					t.Errorf("another certificate: %+v", v)
				}
			}
			list = ca.crl(epoch.Add(3*time.Hour), nil, other)
			w.Advance(2 * time.Hour)
			if v := w.check(t, s, nil, other, ca.cert); v.Status != Revoked {
				t.Errorf("with the next list: %+v", v)
			}
			if most := 2; len(s.lists) > most {
				t.Errorf("%d lists are kept, want at most %d", len(s.lists), most)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	w := newWeb(t)
	w.files["text.crl"] = []byte("hello")
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Fail: "medium"}, `fail: "medium", want soft or hard`},
		{Config{CRL: []string{""}}, "crl: an empty name"},
		{Config{CRL: []string{"ftp://x/y"}}, `crl: "ftp://x/y" is not an http:// or https:// URL`},
		{Config{CRL: []string{"missing.crl"}}, "crl: missing.crl: no such file"},
		{Config{CRL: []string{"text.crl"}}, "crl: text.crl: neither DER nor PEM"},
		{Config{OCSP: OCSP{URL: "responder"}}, `ocsp: "responder" is not an http:// or https:// URL`},
		{Config{Refresh: -1}, "refresh: -1ns, want a positive duration"},
	} {
		c.config.ReadFile = w.read
		if _, err := New(w, c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.config, err, c.want)
		}
	}
	if _, err := New(w, Config{CRL: []string{"corp.crl"}}); err == nil || !strings.Contains(err.Error(), "files cannot be read here") {
		t.Errorf("without ReadFile: %v", err)
	}
}

// TestReload: files at once, URLs without a gap, nothing after a mistake.
func TestReload(t *testing.T) {
	const url = "http://pki.corp.example/corp.crl"
	ca, other, w := newRoot(t, "corp"), newRoot(t, "other"), newWeb(t)
	leaf, stranger := ca.issue(nil), other.issue(nil)
	w.pages[url] = func(*http.Request) ([]byte, int) { return ca.crl(epoch, nil, leaf), 200 }
	w.files["other.crl"] = other.crl(epoch, nil)
	s := w.service(t, Config{CRL: []string{url}})
	w.Advance(time.Second)
	expect := func(what string, cert *x509.Certificate, by *authority, want Status) {
		t.Helper()
		if v := w.check(t, s, nil, cert, by.cert); v.Status != want {
			t.Errorf("%s: %+v", what, v)
		}
	}
	reload := func(c Config) error {
		c.ReadFile = w.read
		return s.Reload(c)
	}
	w.pages[url] = nil
	if err := reload(Config{CRL: []string{url, "other.crl"}, Fail: Hard}); err != nil {
		t.Fatal(err)
	}
	expect("the URL's list", leaf, ca, Revoked)
	expect("the file", stranger, other, Good)
	w.files["other.crl"] = other.crl(epoch.Add(time.Second), nil, stranger)
	for _, c := range []Config{{CRL: []string{"other.crl", "missing.crl"}}, {Fail: "medium"}} {
		if err := reload(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	expect("after a mistake", stranger, other, Good)
	if err := reload(Config{CRL: []string{"other.crl"}, Fail: Hard}); err != nil {
		t.Fatal(err)
	}
	expect("the file read again", stranger, other, Revoked)
	expect("the URL that is gone", leaf, ca, Undetermined)
	before := len(w.requests)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	w.files["other.crl"] = other.crl(epoch.Add(2*time.Second), nil)
	w.Advance(3 * time.Hour)
	expect("closed", stranger, other, Revoked)
	if len(w.requests) != before {
		t.Errorf("%d requests after that", len(w.requests)-before)
	}
}
