package interop

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestInteropGraphSequences(t *testing.T) {
	t.Parallel()
	testGraphSequences(t, sendByGo)
}

func TestInteropGraphSequencesCurl(t *testing.T) {
	t.Parallel()
	curl := program(t, "curl")
	testGraphSequences(t, func(t *testing.T, f *graphFake, s graphStep) graphReply { return sendByCurl(t, curl, f, s) })
}

// sendByGo sends with net/http to the fake whatever the host.
func sendByGo(t *testing.T, f *graphFake, s graphStep) graphReply {
	t.Helper()
	contentType, body := s.body(t)
	r, err := http.NewRequestWithContext(t.Context(), s.Method, s.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for _, line := range s.Header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	reply, err := f.http.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	defer reply.Body.Close()
	content, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	return graphReply{reply.StatusCode, reply.Header, content}
}

// body is the body of a step and its type.
func (s graphStep) body(t *testing.T) (contentType string, body io.Reader) {
	t.Helper()
	if len(s.Multipart) == 0 {
		if len(s.Form) == 0 {
			return "", nil
		}
		form := url.Values{}
		for _, entry := range s.Form {
			name, value, _ := strings.Cut(entry, "=")
			form.Add(name, value)
		}
		return "application/x-www-form-urlencoded", strings.NewReader(form.Encode())
	}
	var content bytes.Buffer
	w := multipart.NewWriter(&content)
	for _, entry := range s.Multipart {
		name, value, _ := strings.Cut(entry, "=")
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), &content
}

// sendByCurl sends with curl, as PacketFence does with its library, through the proxy.
func sendByCurl(t *testing.T, curl string, f *graphFake, s graphStep) graphReply {
	t.Helper()
	args := []string{"-q", "--silent", "--show-error", "--globoff", "--include", "--suppress-connect-headers", "--http1.1"}
	for _, line := range s.Header {
		args = append(args, "--header", line)
	}
	for _, entry := range s.Form {
		args = append(args, "--data-urlencode", entry)
	}
	for _, entry := range s.Multipart {
		args = append(args, "--form-string", entry)
	}
	if s.Method == http.MethodPost && len(s.Form)+len(s.Multipart) == 0 {
		args = append(args, "--data", "")
	}
	cmd := exec.Command(curl, append(args, s.URL)...)
	cmd.Env = append(withoutProxy(os.Environ()), "HTTPS_PROXY="+f.proxy, "CURL_CA_BUNDLE="+f.ca)
	done := runCommand(t, cmd, patience)
	if done.code != 0 {
		t.Fatalf("%s: curl ends with exit code %d: %s", s.Name, done.code, done.output)
	}
	return readCurl(t, done.output)
}

// readCurl takes the output of curl --include apart.
func readCurl(t *testing.T, output string) graphReply {
	t.Helper()
	for {
		head, rest, _ := strings.Cut(output, "\r\n\r\n")
		lines := textproto.NewReader(bufio.NewReader(strings.NewReader(head + "\r\n\r\n")))
		status, err := lines.ReadLine()
		if err != nil {
			t.Fatalf("curl printed %q: %v", output, err)
		}
		header, err := lines.ReadMIMEHeader()
		if err != nil {
			t.Fatalf("curl printed %q: %v", output, err)
		}
		code, err := parseStatus(status)
		if err != nil {
			t.Fatalf("curl printed %q: %v", output, err)
		}
		if code != http.StatusContinue {
			return graphReply{code, http.Header(header), []byte(rest)}
		}
		output = rest
	}
}

func parseStatus(line string) (int, error) {
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(line+"\r\n\r\n")), nil)
	if err != nil {
		return 0, err
	}
	return r.StatusCode, r.Body.Close()
}

// A clientCertificateRSA is a certificate by which an app proves who it is.
type clientCertificateRSA struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

func newClientCertificateRSA(t *testing.T) *clientCertificateRSA {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	from, to := valid()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ise.contoso.example"}, NotBefore: from, NotAfter: to.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &clientCertificateRSA{certificate, key}
}

// pem has certificate and key, as the programs in clients read them.
func (c *clientCertificateRSA) pem() []byte {
	key, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		panic(err) // an RSA key can be encoded
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.certificate.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
}

func (c *clientCertificateRSA) file(t *testing.T) string {
	t.Helper()
	return writeFile(t, t.TempDir(), "app.pem", c.pem())
}

// assertion is what Cisco ISE sends: RS256, with the SHA-1 thumbprint in the header.
func (c *clientCertificateRSA) assertion(t *testing.T, client, audience string, now time.Time) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"aud": audience, "iss": client, "sub": client,
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": rand.Text()})
	thumbprint := sha1.Sum(c.certificate.Raw)
	token.Header["x5t"] = base64.StdEncoding.EncodeToString(thumbprint[:])
	signed, err := token.SignedString(c.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
