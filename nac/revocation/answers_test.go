package revocation

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

const responderURL = "http://ocsp.corp.example/"

// names has a certificate name the responder.
func names(c *x509.Certificate) { c.OCSPServer = []string{"ldap://x", responderURL} }

// says has the responder answer with what make returns, after checking the question.
func (w *web) says(t *testing.T, cert *x509.Certificate, make func() []byte) {
	w.pages[responderURL] = func(req *http.Request) ([]byte, int) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		q, err := ocsp.ParseRequest(body)
		if err != nil || cert != nil && q.SerialNumber.Cmp(cert.SerialNumber) != 0 || req.Header.Get("Content-Type") != "application/ocsp-request" {
			t.Errorf("responder is asked %+v, %v", q, err)
		}
		return make(), 200
	}
}

func status(code int) func(*ocsp.Response) {
	return func(r *ocsp.Response) {
		r.Status, r.RevokedAt, r.RevocationReason = code, epoch.Add(-time.Hour), ocsp.Superseded
	}
}

// responders are those who may answer for an authority, or think they may.
func responders(t *testing.T, ca *authority) map[string]func(cert *x509.Certificate) []byte {
	t.Helper()
	by := func(issuer *authority, change func(*x509.Certificate)) func(*x509.Certificate) []byte {
		key := newKey(t)
		responder := issuer.sign(&x509.Certificate{SerialNumber: big.NewInt(9), NotBefore: epoch.Add(-day), NotAfter: epoch.Add(day)}, key, change)
		return func(cert *x509.Certificate) []byte { return ca.responseBy(responder, key, cert, epoch, nil) }
	}
	signing := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} }
	return map[string]func(*x509.Certificate) []byte{
		"itself": func(cert *x509.Certificate) []byte { return ca.response(cert, epoch, nil) },
		"itself with its own certificate": func(cert *x509.Certificate) []byte {
			return ca.response(cert, epoch, func(r *ocsp.Response) { r.Certificate = ca.cert })
		},
		"delegated":               by(ca, signing),
		"delegated without EKU":   by(ca, nil),
		"delegated but expired":   by(ca, func(c *x509.Certificate) { signing(c); c.NotAfter = epoch.Add(-time.Hour) }),
		"delegated by a stranger": by(newRoot(t, ca.cert.Subject.CommonName), signing),
	}
}

func TestResponders(t *testing.T) {
	ca := newRoot(t, "root").sub("corp")
	believed := map[string]bool{"itself": true, "itself with its own certificate": true, "delegated": true}
	cert := ca.issue(nil)
	for name, respond := range responders(t, ca) {
		if _, err := checkResponse(respond(cert), cert, ca.cert, epoch); (err == nil) != believed[name] {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		response []byte
		want     string
	}{
		"stale": {ca.response(cert, epoch.Add(-2*time.Hour), nil), "has expired at 2026-01-05T07:00:00Z"},
		"old, without nextUpdate": {ca.response(cert, epoch.Add(-time.Hour), func(r *ocsp.Response) { r.NextUpdate = time.Time{} }),
			"newer information is always available"},
		"from the future": {ca.response(cert, epoch.Add(time.Hour), nil), "from the future"},
		"another serial":  {ca.response(ca.issue(nil), epoch, nil), "no response matching"},
		"nonsense":        {[]byte("hello"), "asn1"},
		"an error":        {ocsp.TryLaterErrorResponse, "try later"},
		"another signer":  {newRoot(t, "corp").response(cert, epoch, nil), "not signed by the issuer"},
		"too long":        {make([]byte, maxResponse+1), "too long"},
	} {
		if _, err := checkResponse(c.response, cert, ca.cert, epoch); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestAsking(t *testing.T) {
	ca := newRoot(t, "corp")
	named, bare := ca.issue(names), ca.issue(nil)
	for _, c := range []struct {
		name   string
		config OCSP
		fail   string
		cert   *x509.Certificate
		answer []byte // nil: none
		asked  int
		status Status
		text   string
	}{
		{"good", OCSP{Ask: true}, Hard, named, ca.response(named, epoch, nil), 1, Good, ""},
		{"revoked", OCSP{Ask: true}, Soft, named, ca.response(named, epoch, status(ocsp.Revoked)), 1, Revoked, "(superseded), says ocsp " + responderURL},
		{"unknown is refused", OCSP{Ask: true}, Soft, named, ca.response(named, epoch, status(ocsp.Unknown)), 1, Undetermined, "is unknown to its issuer"},
		{"no answer, soft", OCSP{Ask: true}, Soft, named, nil, 1, Good, responderURL + " does not answer"},
		{"no answer, hard", OCSP{Ask: true}, Hard, named, nil, 1, Undetermined, responderURL + " does not answer"},
		{"bad answer, hard", OCSP{Ask: true}, Hard, named, []byte("hello"), 1, Undetermined, "does not answer"},
		{"not to be asked", OCSP{}, Soft, named, nil, 0, Good, "nothing can be found out"},
		{"nobody named", OCSP{Ask: true}, Hard, bare, nil, 0, Undetermined, "nothing can be found out"},
		{"configured", OCSP{URL: responderURL}, Hard, bare, ca.response(bare, epoch, nil), 1, Good, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWeb(t)
			w.latency = 100 * time.Millisecond
			if c.answer != nil {
				w.says(t, c.cert, func() []byte { return c.answer })
			}
			s := w.service(t, Config{OCSP: c.config, Fail: c.fail})
			for i := range 2 { // the second time from memory
				v := w.check(t, s, nil, c.cert, ca.cert)
				if v.Status != c.status || !strings.Contains(v.Text, c.text) || c.text == "" && v.Text != "" {
					t.Errorf("verdict %d is %v %q, want %v %q", i+1, v.Status, v.Text, c.status, c.text)
				}
			}
			if len(w.requests) != c.asked {
				t.Errorf("asked %v, want %d", w.requests, c.asked)
			}
		})
	}
}

// TestKeptAnswers: as long as they are valid, at most for MaxAge.
func TestKeptAnswers(t *testing.T) {
	ca := newRoot(t, "corp")
	cert := ca.issue(names)
	forever := func(r *ocsp.Response) { r.NextUpdate = time.Time{} }
	for _, c := range []struct {
		name   string
		maxAge time.Duration
		change func(*ocsp.Response)
		visits []int // minutes
		asked  int
	}{
		{"until nextUpdate", 0, nil, []int{0, 30, 59, 61}, 2},
		{"max-age", 20 * time.Minute, nil, []int{0, 15, 30, 59, 61}, 3},
		{"without nextUpdate", 0, forever, []int{0, 1}, 2},
		{"without nextUpdate, max-age", 20 * time.Minute, forever, []int{0, 15, 30}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWeb(t)
			w.says(t, cert, func() []byte { return ca.response(cert, w.Now().Truncate(time.Second), c.change) })
			s := w.service(t, Config{OCSP: OCSP{Ask: true, MaxAge: c.maxAge}, Fail: Hard})
			at := 0
			for _, minute := range c.visits {
				w.Advance(time.Duration(minute-at) * time.Minute)
				at = minute
				if v := w.check(t, s, nil, cert, ca.cert); v.Status != Good {
					t.Errorf("after %d minutes: %+v", minute, v)
				}
			}
			if len(w.requests) != c.asked {
				t.Errorf("asked %d times, want %d", len(w.requests), c.asked)
			}
		})
	}
}

// TestSilentResponderDelaysOnce: after one timeout the others do not wait, until it is asked again.
func TestSilentResponderDelaysOnce(t *testing.T) {
	ca, w := newRoot(t, "corp"), newWeb(t)
	w.latency = time.Minute
	s := w.service(t, Config{OCSP: OCSP{Ask: true}})
	for range 5 {
		w.check(t, s, nil, ca.issue(names), ca.cert)
	}
	if len(w.requests) != 1 {
		t.Errorf("asked %d times, want once", len(w.requests))
	}
	cert := ca.issue(names)
	w.latency = 0
	w.says(t, cert, func() []byte { return ca.response(cert, epoch, status(ocsp.Revoked)) })
	w.Advance(silence)
	if v := w.check(t, s, nil, cert, ca.cert); v.Status != Revoked {
		t.Errorf("once it answers: %+v", v)
	}
}

// TestOneBadAnswer: a certificate that a responder does not want to speak of does not keep it from being asked about others.
func TestOneBadAnswer(t *testing.T) {
	ca, w := newRoot(t, "corp"), newWeb(t)
	odd, revoked := ca.issue(names), ca.issue(names)
	w.pages[responderURL] = func(req *http.Request) ([]byte, int) {
		body, _ := io.ReadAll(req.Body)
		if q, _ := ocsp.ParseRequest(body); q.SerialNumber.Cmp(odd.SerialNumber) == 0 {
			return ocsp.UnauthorizedErrorResponse, 200
		}
		return ca.response(revoked, epoch, status(ocsp.Revoked)), 200
	}
	s := w.service(t, Config{OCSP: OCSP{Ask: true}})
	for range 2 {
		if v := w.check(t, s, nil, odd, ca.cert); v.Status != Good || v.Text == "" {
			t.Errorf("the odd one: %+v", v)
		}
	}
	if len(w.requests) != 1 {
		t.Errorf("asked %d times about the same certificate", len(w.requests))
	}
	if v := w.check(t, s, nil, revoked, ca.cert); v.Status != Revoked {
		t.Errorf("another one: %+v", v)
	}
}

// TestQueriesAreBounded: many clients at once; those with the same certificate share one question.
func TestQueriesAreBounded(t *testing.T) {
	ca, w := newRoot(t, "corp"), newWeb(t)
	w.latency = time.Second
	var cert *x509.Certificate
	w.pages[responderURL] = func(req *http.Request) ([]byte, int) {
		body, _ := io.ReadAll(req.Body)
		q, _ := ocsp.ParseRequest(body)
		return ca.response(&x509.Certificate{SerialNumber: q.SerialNumber}, epoch, nil), 200
	}
	s := w.service(t, Config{OCSP: OCSP{Ask: true, MaxQueries: 3, MaxAnswers: 2}, Fail: Hard})
	good, refused := 0, 0
	w.Do(func() {
		for i := range 10 {
			if i%2 == 0 {
				cert = ca.issue(names)
			}
			s.Check(w.Now(), []*x509.Certificate{cert, ca.cert}, nil, func(v Verdict) {
				if v.Status == Good {
					good++
				} else {
					refused++
				}
			})
		}
		if err := w.Sleep(time.Minute); err != nil {
			t.Error(err)
		}
	})
	if good != 6 || refused != 4 || w.busiest != 3 || len(w.requests) != 3 {
		t.Errorf("%d good, %d refused, %d requests, %d at a time", good, refused, len(w.requests), w.busiest)
	}
	if len(s.answers.kept) > 2 || len(s.answers.order) > 2 || len(s.answers.waiting) > 0 {
		t.Errorf("%d answers, %d in order, %d waited for", len(s.answers.kept), len(s.answers.order), len(s.answers.waiting))
	}
}

func TestStaple(t *testing.T) {
	ca := newRoot(t, "corp")
	cert := ca.issue(nil)
	good, stale := ca.response(cert, epoch, nil), ca.response(cert, epoch.Add(-2*time.Hour), nil)
	for _, c := range []struct {
		name   string
		staple []byte
		crl    []byte
		fail   string
		status Status
		bad    bool
		text   string
	}{
		{"good", good, nil, Hard, Good, false, ""},
		{"revoked", ca.response(cert, epoch, status(ocsp.Revoked)), nil, Soft, Revoked, false, "says ocsp stapled"},
		{"stale, hard", stale, nil, Hard, Undetermined, true, "its OCSP staple is not good: the response has expired"},
		{"stale, soft", stale, nil, Soft, Good, false, "its OCSP staple is not good"},
		{"nonsense beside a list", []byte("hello"), ca.crl(epoch, nil), Hard, Good, false, ""},
		{"good beside a list that revokes", good, ca.crl(epoch, nil, cert), Hard, Revoked, false, "says crl"},
		{"revoked beside a list that does not", ca.response(cert, epoch, status(ocsp.Revoked)), ca.crl(epoch, nil), Hard, Revoked, false, "says ocsp stapled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, config := newWeb(t), Config{Fail: c.fail}
			if c.crl != nil {
				w.files["corp.crl"], config.CRL = c.crl, []string{"corp.crl"}
			}
			v := w.check(t, w.service(t, config), c.staple, cert, ca.cert)
			if v.Status != c.status || v.BadStaple != c.bad || !strings.Contains(v.Text, c.text) {
				t.Errorf("verdict is %+v, want %v, bad staple %v, %q", v, c.status, c.bad, c.text)
			}
		})
	}
}

// TestChainOfQuestions asks about the client's certificate first and then about the intermediate.
func TestChainOfQuestions(t *testing.T) {
	root := newRoot(t, "root")
	sub := root.sub("sub")
	leaf := sub.issue(nil)
	w := newWeb(t)
	w.latency = time.Second
	var asked []string
	w.pages[responderURL] = func(req *http.Request) ([]byte, int) {
		body, _ := io.ReadAll(req.Body)
		q, _ := ocsp.ParseRequest(body)
		asked = append(asked, fmt.Sprint(q.SerialNumber))
		if q.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
			return sub.response(leaf, epoch, nil), 200
		}
		return root.response(sub.cert, epoch, status(ocsp.Revoked)), 200
	}
	s := w.service(t, Config{OCSP: OCSP{URL: responderURL}})
	if v := w.check(t, s, nil, leaf, sub.cert, root.cert); v.Status != Revoked || !bytes.Equal(v.Certificate.Raw, sub.cert.Raw) {
		t.Errorf("verdict is %+v", v)
	}
	if fmt.Sprint(asked) != "[101 2]" {
		t.Errorf("asked about %v", asked)
	}
}

func FuzzResponse(f *testing.F) {
	t := &testing.T{}
	ca := newRoot(t, "corp")
	cert := ca.issue(nil)
	f.Add(ca.response(cert, epoch, nil))
	f.Add(ca.response(cert, epoch, status(ocsp.Revoked)))
	f.Add(ocsp.TryLaterErrorResponse)
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := checkResponse(b, cert, ca.cert, epoch); err == nil && r.SerialNumber.Cmp(cert.SerialNumber) != 0 {
			t.Error("a response about another certificate is believed")
		}
	})
}
