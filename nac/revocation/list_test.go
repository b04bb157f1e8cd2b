package revocation

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"
)

// extend adds an extension to a list.
func extend(id asn1.ObjectIdentifier, critical bool, value ...byte) func(*x509.RevocationList) {
	return func(l *x509.RevocationList) {
		l.ExtraExtensions = append(l.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: value})
	}
}

func TestReadLists(t *testing.T) {
	ca, other := newRoot(t, "corp"), newRoot(t, "other")
	one, two := ca.crl(epoch, nil, ca.issue(nil)), other.crl(epoch, nil)
	for _, c := range []struct {
		name  string
		data  []byte
		lists int
		err   string
	}{
		{"DER", one, 1, ""},
		{"two in DER", append(append([]byte{}, one...), two...), 2, ""},
		{"PEM", pemCRL(one), 1, ""},
		{"two in PEM, with text", pemCRL(one, two), 2, ""},
		{"delta alone", ca.crl(epoch, extend(deltaIndicator, true, 2, 1, 1)), 0, ""},
		{"delta beside", pemCRL(one, ca.crl(epoch, extend(deltaIndicator, true, 2, 1, 1))), 1, ""},
		{"unknown extension", ca.crl(epoch, extend(asn1.ObjectIdentifier{1, 2, 3}, false, 5, 0)), 1, ""},
		{"unknown critical extension", ca.crl(epoch, extend(asn1.ObjectIdentifier{1, 2, 3}, true, 5, 0)), 0, "list 1: critical extension 1.2.3"},
		{"indirect", ca.crl(epoch, extend(distributionPoint, true, 0x30, 3, 0x84, 1, 0xff)), 0, "indirect list"},
		{"attribute certificates", ca.crl(epoch, extend(distributionPoint, true, 0x30, 3, 0x85, 1, 0xff)), 0, "attribute certificates only"},
		{"malformed scope", ca.crl(epoch, extend(distributionPoint, true, 0x30, 9, 0x85)), 0, "malformed issuing distribution point"},
		{"empty", nil, 0, "no certificate revocation list"},
		{"text", []byte("hello"), 0, "neither DER nor PEM"},
		{"PEM of another kind", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0, "no certificate revocation list"},
		{"PEM of nonsense", []byte("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"), 0, "list 1: "},
		{"cut off", one[:len(one)-1], 0, "neither DER nor PEM"},
		{"too many", []byte(strings.Repeat("\x05\x00", maxLists+1)), 0, "more than 256 lists"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lists, err := readLists("corp.crl", c.data)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "corp.crl: ")) {
				t.Fatalf("error is %v, want %q", err, c.err)
			}
			if len(lists) != c.lists {
				t.Errorf("%d lists, want %d", len(lists), c.lists)
			}
		})
	}
}

// TestScope is RFC 5280 section 5.2.5.
func TestScope(t *testing.T) {
	root := newRoot(t, "corp")
	user, sub := root.issue(nil), root.sub("sub").cert
	for _, c := range []struct {
		name        string
		flag        byte
		users, subs bool
	}{{"users only", 0x81, true, false}, {"authorities only", 0x82, false, true}} {
		lists, err := readLists("x", root.crl(epoch, extend(distributionPoint, true, 0x30, 3, c.flag, 1, 0xff)))
		if err != nil {
			t.Fatal(err)
		}
		if lists[0].covers(user, root.cert) != c.users || lists[0].covers(sub, root.cert) != c.subs {
			t.Errorf("%s: covers users %v, authorities %v", c.name, !c.users, !c.subs)
		}
	}
}

// TestDistributionPoint is RFC 5280 section 6.3.3 (b) (2): a CA that cuts its list into parts says nothing in one of them of
// the certificates of the others.
func TestDistributionPoint(t *testing.T) {
	const uri = "http://pki/2.crl"
	ca := newRoot(t, "corp")
	name := append([]byte{0x86, byte(len(uri))}, uri...)
	name = append([]byte{0xa0, byte(len(name))}, name...)
	name = append([]byte{0xa0, byte(len(name))}, name...)
	w := newWeb(t)
	w.files["2.crl"] = ca.crl(epoch, extend(distributionPoint, true, append([]byte{0x30, byte(len(name))}, name...)...))
	s := w.service(t, Config{CRL: []string{"2.crl"}, Fail: Hard})
	for point, want := range map[string]Status{uri: Good, "http://pki/1.crl": Undetermined, "": Undetermined} {
		cert := ca.issue(func(c *x509.Certificate) {
			if point != "" {
				c.CRLDistributionPoints = []string{"ldap://x", point}
			}
		})
		if v := w.check(t, s, nil, cert, ca.cert); v.Status != want {
			t.Errorf("certificate of %q: %+v", point, v)
		}
	}
}

func TestCoversTheIssuerOnly(t *testing.T) {
	root, namesake := newRoot(t, "corp"), newRoot(t, "corp")
	lists, err := readLists("x", root.crl(epoch, nil))
	if err != nil {
		t.Fatal(err)
	}
	l := lists[0]
	for range 2 { // the second time from memory
		if !l.covers(root.issue(nil), root.cert) || l.covers(namesake.issue(nil), namesake.cert) || l.covers(newRoot(t, "x").issue(nil), root.cert) {
			t.Error("the list covers others than its issuer's certificates")
		}
	}
	for range 2 * maxIssuers {
		l.covers(namesake.issue(nil), newRoot(t, "corp").cert)
	}
	if len(l.signed) > maxIssuers {
		t.Errorf("%d keys are remembered", len(l.signed))
	}
}

func TestReplaces(t *testing.T) {
	ca := newRoot(t, "corp")
	read := func(der []byte) *list {
		lists, err := readLists("x", der)
		if err != nil {
			t.Fatal(err)
		}
		return lists[0]
	}
	old, fresh := read(ca.crl(epoch, nil)), read(ca.crl(epoch.Add(time.Hour), nil))
	users := read(ca.crl(epoch.Add(time.Hour), extend(distributionPoint, true, 0x30, 3, 0x81, 1, 0xff)))
	if !fresh.replaces(old) || old.replaces(fresh) || users.replaces(old) || read(newRoot(t, "corp").crl(epoch.Add(time.Hour), nil)).replaces(old) {
		t.Error("a list replaces what it does not say anew, or not what it does")
	}
}

func FuzzReadLists(f *testing.F) {
	t := &testing.T{}
	ca := newRoot(t, "corp")
	for _, seed := range [][]byte{ca.crl(epoch, nil), ca.crl(epoch, nil, &x509.Certificate{SerialNumber: big.NewInt(7)}), pemCRL(ca.crl(epoch, nil)),
		ca.crl(epoch, extend(distributionPoint, true, 0x30, 3, 0x81, 1, 0xff)),
		ca.crl(epoch, extend(distributionPoint, true, 0x30, 7, 0xa0, 5, 0xa0, 3, 0x86, 1, 'x')), []byte("-----BEGIN X509 CRL-----\n")} {
		f.Add(seed)
	}
	user := ca.issue(nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		lists, err := readLists("x", data)
		if err != nil && lists != nil {
			t.Fatal("lists together with an error")
		}
		for _, l := range lists {
			l.covers(user, ca.cert)
			l.current(epoch)
			l.complete(user)
		}
	})
}
