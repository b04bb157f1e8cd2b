package revocation

import (
	"bytes"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"
)

const (
	// maxResponse bounds an OCSP response, in octets. Usual ones have some 2 KiB.
	maxResponse = 64 << 10
	// clockSkew is how far the clock of an issuer may be ahead.
	clockSkew = 5 * time.Minute
	// silence is how long a responder that did not answer is not asked again, so that it does not delay everybody, and one
	// whose answer cannot be believed is not asked again about the same certificate.
	silence = 30 * time.Second
)

// A question is the certificate that a responder is asked about.
type question struct {
	key    string // the issuer's
	serial string
}

func questionOf(cert, issuer *x509.Certificate) question {
	return question{string(issuer.RawSubjectPublicKeyInfo), string(cert.SerialNumber.Bytes())}
}

// An answer is what a responder has said, or why it has not.
type answer struct {
	response *ocsp.Response
	source   string
	err      error
	until    time.Time // it is believed
}

// answers keeps answers until they are stale, and knows who waits for one. The service's mutex guards it.
type answers struct {
	kept    map[question]*answer
	order   []question
	waiting map[question][]func()
	silent  map[string]time.Time // by URL: until when it is not asked
}

func (a *answers) init() {
	a.kept, a.waiting, a.silent = map[question]*answer{}, map[question][]func(){}, map[string]time.Time{}
}

// find returns an answer that is believed now.
func (a *answers) find(q question, now time.Time) *answer {
	if k := a.kept[q]; k != nil && now.Before(k.until) {
		return k
	}
	return nil
}

func (a *answers) keep(q question, k *answer, most int) {
	if a.kept[q] == nil {
		for len(a.order) >= most {
			delete(a.kept, a.order[0])
			a.order = a.order[1:]
		}
		a.order = append(a.order, q)
	}
	a.kept[q] = k
}

// responder is the URL to ask about a certificate, or "".
func (s *Service) responder(cert *x509.Certificate) string {
	switch c := s.config.Load().OCSP; {
	case c.URL != "":
		return c.URL
	case !c.Ask:
		return ""
	}
	i := slices.IndexFunc(cert.OCSPServer, func(u string) bool { return checkURL(u) == nil })
	if i < 0 {
		return ""
	}
	return cert.OCSPServer[i]
}

// ask has done called once there is an answer to look up, or there is none to be had. It reports false, and calls
// nothing, when the question is not asked: too many are under way, or the responder is silent.
func (s *Service) ask(url string, cert, issuer *x509.Certificate, done func()) bool {
	q, now := questionOf(cert, issuer), s.h.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if others, asked := s.answers.waiting[q]; asked {
		s.answers.waiting[q] = append(others, done)
		return true
	}
	if len(s.answers.waiting) >= s.config.Load().OCSP.MaxQueries || now.Before(s.answers.silent[url]) {
		return false
	}
	if k := s.answers.find(q, now); k != nil && k.err != nil {
		return false
	}
	s.answers.waiting[q] = []func(){done}
	s.h.Go("ocsp", func() { s.query(q, url, cert, issuer) })
	return true
}

// query asks a responder and tells everybody who waits.
func (s *Service) query(q question, url string, cert, issuer *x509.Certificate) {
	k := &answer{source: "ocsp " + url}
	body, err := s.post(url, cert, issuer)
	if k.err = err; err == nil {
		k.response, k.err = checkResponse(body, cert, issuer, s.h.Now())
	}
	now, most := s.h.Now(), s.config.Load().OCSP.MaxAnswers
	k.until = now.Add(silence)
	if k.err == nil {
		k.until = s.believedUntil(k.response, now)
	}
	// Those who wait must find it even if it is not valid beyond the moment.
	k.until = later(k.until, now.Add(time.Nanosecond))
	s.mu.Lock()
	s.answers.heard(url, err == nil, now, most)
	s.answers.keep(q, k, most)
	waiting := s.answers.waiting[q]
	delete(s.answers.waiting, q)
	s.mu.Unlock()
	s.traceAnswer(k, cert)
	for _, done := range waiting {
		done()
	}
}

// heard notes whether a responder has said anything. What it says of one certificate, even if it cannot be believed, is no
// reason not to ask it about others.
func (a *answers) heard(url string, anything bool, now time.Time, most int) {
	if anything {
		delete(a.silent, url)
		return
	}
	if len(a.silent) >= most {
		clear(a.silent)
	}
	a.silent[url] = now.Add(silence)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// post makes the request of RFC 6960 appendix A.1 and returns the response.
func (s *Service) post(url string, cert, issuer *x509.Certificate) ([]byte, error) {
	request, err := ocsp.CreateRequest(cert, issuer, nil)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	req.Header.Set("Accept", "application/ocsp-response")
	return s.roundTrip(req, maxResponse)
}

// checkResponse reads a response and decides whether it can be believed: RFC 6960 section 3.2. One without nextUpdate says
// that newer information is available all the time (section 4.2.2.1), so it is believed only when it is new.
func checkResponse(body []byte, cert, issuer *x509.Certificate, now time.Time) (*ocsp.Response, error) {
	if len(body) > maxResponse {
		return nil, errors.New("the response is too long")
	}
	// With the issuer given, the library would refuse an intermediate CA that answers itself.
	r, err := ocsp.ParseResponseForCert(body, cert, nil)
	if err != nil {
		return nil, err
	}
	if err := checkResponder(r, issuer, now); err != nil {
		return nil, err
	}
	switch {
	case now.Add(clockSkew).Before(r.ThisUpdate):
		return nil, errors.New("the response is from the future: " + stamp(r.ThisUpdate))
	case !r.NextUpdate.IsZero() && !now.Before(r.NextUpdate):
		return nil, errors.New("the response has expired at " + stamp(r.NextUpdate))
	case r.NextUpdate.IsZero() && now.Sub(r.ThisUpdate) > clockSkew: // else it could be repeated for ever
		return nil, errors.New("the response is from " + stamp(r.ThisUpdate) + ", and newer information is always available")
	}
	return r, nil
}

// checkResponder is RFC 6960 section 4.2.2.2: the issuer itself signs, or somebody it has a certificate for OCSP
// signing for.
func checkResponder(r *ocsp.Response, issuer *x509.Certificate, now time.Time) error {
	c := r.Certificate
	switch {
	case c == nil || bytes.Equal(c.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo):
		if r.CheckSignatureFrom(issuer) != nil {
			return errors.New("the response is not signed by the issuer")
		}
		return nil
	case r.CheckSignatureFrom(c) != nil:
		return errors.New("the response is not signed by its responder")
	case !bytes.Equal(c.RawIssuer, issuer.RawSubject) || c.CheckSignatureFrom(issuer) != nil:
		return errors.New("the responder's certificate is not from the issuer")
	case !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return errors.New("the responder's certificate is not for OCSP signing")
	case now.Before(c.NotBefore) || now.After(c.NotAfter):
		return errors.New("the responder's certificate is not valid now")
	}
	return nil
}

// believedUntil is how long a response is kept.
func (s *Service) believedUntil(r *ocsp.Response, now time.Time) time.Time {
	limit := s.config.Load().OCSP.MaxAge
	switch {
	case r.NextUpdate.IsZero():
		return now.Add(limit)
	case limit > 0 && now.Add(limit).Before(r.NextUpdate):
		return now.Add(limit)
	}
	return r.NextUpdate
}
