package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"nacsim/nac/config"
)

// nacAPIFlags say where the API of a running NAC is.
type nacAPIFlags struct{ config, url, tokenFile, ca string }

// nacAPIClient asks the API of a running NAC.
type nacAPIClient struct {
	command, base, token string
	http                 *http.Client
}

// Bounds on an answer.
const (
	nacAPITimeout = 30 * time.Second
	nacAPIAnswer  = 1 << 20
)

// open finds out where the API is, and what it is asked with.
func (f *nacAPIFlags) open(command string) (*nacAPIClient, error) {
	c := &nacAPIClient{command: command}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	var err error
	switch {
	case (f.config == "") == (f.url == ""):
		return nil, badInput("%s: name the NAC's configuration with --config FILE, or its API with --url and --token-file", command)
	case f.config != "" && (f.tokenFile != "" || f.ca != ""):
		return nil, badInput("%s: --token-file and --ca go with --url", command)
	case f.config != "":
		err = c.fromConfig(f.config, trust)
	default:
		err = c.fromFlags(f, trust)
	}
	if err != nil {
		return nil, err
	}
	// A redirect would take the token elsewhere.
	c.http = &http.Client{Timeout: nacAPITimeout, Transport: &http.Transport{TLSClientConfig: trust},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

// fromConfig asks the NAC that runs on this computer. It is known by its very certificate, whatever that is for.
func (c *nacAPIClient) fromConfig(name string, trust *tls.Config) error {
	cfg, err := (&nacFlags{config: name}).load()
	if err != nil {
		return err
	}
	api := cfg.NAC.API
	if api == nil {
		return badInput("%s: %s has no section api, so there is nobody to ask", c.command, name)
	}
	at := netip.AddrPortFrom(reachable(api.Addr.Addr()), api.Addr.Port()).String()
	c.token, c.base = api.Token, "http://"+at
	if api.TLS != nil {
		c.base = "https://" + at
		pin(trust, cfg)
	}
	return nil
}

// pin has one of the certificates of a configuration be the only one that counts.
func pin(trust *tls.Config, cfg *config.Config) {
	trust.InsecureSkipVerify = true // VerifyConnection does more
	trust.VerifyConnection = func(s tls.ConnectionState) error {
		for _, own := range cfg.NAC.API.TLS.Certificates {
			if bytes.Equal(s.PeerCertificates[0].Raw, own.Certificate[0]) {
				return nil
			}
		}
		return errors.New("it does not have the certificate of the configuration")
	}
}

func (c *nacAPIClient) fromFlags(f *nacAPIFlags, trust *tls.Config) error {
	u, err := url.Parse(f.url)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.User != nil {
		return badInput("%s: --url is %q; want an address such as https://nac.corp.example:8444", c.command, f.url)
	}
	if f.tokenFile == "" {
		return badInput("%s: name the file with the API's token with --token-file", c.command)
	}
	token, err := os.ReadFile(f.tokenFile)
	if err != nil {
		return badInput("%s: --token-file %s cannot be read: %v", c.command, f.tokenFile, reason(err))
	}
	c.base, c.token = strings.TrimRight(f.url, "/"), strings.TrimSpace(string(token))
	if f.ca == "" {
		return nil
	}
	pem, err := os.ReadFile(f.ca)
	if err != nil {
		return badInput("%s: --ca %s cannot be read: %v", c.command, f.ca, reason(err))
	}
	trust.RootCAs = x509.NewCertPool()
	if !trust.RootCAs.AppendCertsFromPEM(pem) {
		return badInput("%s: --ca %s has no certificate in PEM", c.command, f.ca)
	}
	return nil
}

// ask makes one request, and returns the body of a good answer.
func (c *nacAPIClient) ask(method, path string) ([]byte, error) {
	r, err := http.NewRequest(method, c.base+path, nil)
	if err != nil {
		return nil, badInput("%s: %v", c.command, err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := c.http.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, badInput("%s: %s cannot be asked: %v; is the NAC running?", c.command, c.base, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, nacAPIAnswer))
	if err != nil {
		return nil, badInput("%s: %s: %v", c.command, c.base, err)
	}
	if answer.StatusCode/100 == 2 {
		return body, nil
	}
	var problem struct {
		Error struct{ Message string }
	}
	if json.Unmarshal(body, &problem) != nil || problem.Error.Message == "" {
		return nil, badInput("%s: %s answers %s", c.command, c.base, answer.Status)
	}
	return nil, badInput("%s: %s", c.command, problem.Error.Message)
}
