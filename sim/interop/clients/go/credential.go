package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

const graphScope = "https://graph.microsoft.com/.default"

// issued is what a token says, and what the library knows about it.
type issued struct {
	Claims   map[string]any `json:"claims"`
	Lifetime float64        `json:"lifetime"` // seconds
	Cached   bool           `json:"cached"`   // the library had it when it was asked a second time
}

// token gets a token with azidentity, twice. Parameter: scope.
func (c *client) token(ctx context.Context, parameters url.Values) (any, error) {
	credential, err := c.credential()
	if err != nil {
		return nil, err
	}
	options := policy.TokenRequestOptions{Scopes: []string{graphScope}, EnableCAE: parameters.Has("cae")}
	if scope := parameters.Get("scope"); scope != "" {
		options.Scopes = []string{scope}
	}
	first, err := credential.GetToken(ctx, options)
	if err != nil {
		return nil, err
	}
	second, err := credential.GetToken(ctx, options)
	if err != nil {
		return nil, err
	}
	return newIssued(first.Token, first.ExpiresOn, first.Token == second.Token)
}

// credential is that of azidentity, made once, as a program does.
func (c *client) credential() (azcore.TokenCredential, error) {
	if c.azure != nil {
		return c.azure, nil
	}
	var options azcore.ClientOptions
	if c.authority != "" {
		options.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: c.authority}
	}
	var err error
	if c.certificate == "" {
		c.azure, err = azidentity.NewClientSecretCredential(c.tenant, c.clientID, c.secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: c.authority != ""})
		return c.azure, err
	}
	pem, err := os.ReadFile(c.certificate)
	if err != nil {
		return nil, err
	}
	certificates, key, err := azidentity.ParseCertificates(pem, nil)
	if err != nil {
		return nil, err
	}
	c.azure, err = azidentity.NewClientCertificateCredential(c.tenant, c.clientID, certificates, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: c.authority != ""})
	return c.azure, err
}

// msalToken gets a token with MSAL, then asks its cache. Parameter: scope.
func (c *client) msalToken(ctx context.Context, parameters url.Values) (any, error) {
	app, err := c.confidential()
	if err != nil {
		return nil, err
	}
	scopes := []string{graphScope}
	if scope := parameters.Get("scope"); scope != "" {
		scopes[0] = scope
	}
	first, err := app.AcquireTokenByCredential(ctx, scopes)
	if err != nil {
		return nil, err
	}
	second, err := app.AcquireTokenByCredential(ctx, scopes)
	if err != nil {
		return nil, err
	}
	return newIssued(first.AccessToken, first.ExpiresOn, first.AccessToken == second.AccessToken)
}

// msalPassword gets a token for a user with the resource owner password grant. Parameters: user, password, scope.
func (c *client) msalPassword(ctx context.Context, parameters url.Values) (any, error) {
	app, err := c.confidential()
	if err != nil {
		return nil, err
	}
	result, err := app.AcquireTokenByUsernamePassword(ctx, []string{parameters.Get("scope")},
		parameters.Get("user"), parameters.Get("password"))
	if err != nil {
		return nil, err
	}
	seen, err := newIssued(result.AccessToken, result.ExpiresOn, false)
	if err != nil {
		return nil, err
	}
	return map[string]any{"claims": seen.Claims, "username": result.Account.PreferredUsername}, nil
}

// confidential is MSAL's confidential client.
func (c *client) confidential() (confidential.Client, error) {
	credential, err := c.msalCredential()
	if err != nil {
		return confidential.Client{}, err
	}
	authority := c.authority
	if authority == "" {
		authority = "https://login.microsoftonline.com"
	}
	return confidential.New(strings.TrimSuffix(authority, "/")+"/"+c.tenant, c.clientID, credential,
		confidential.WithInstanceDiscovery(c.authority == ""))
}

func (c *client) msalCredential() (confidential.Credential, error) {
	if c.certificate == "" {
		return confidential.NewCredFromSecret(c.secret)
	}
	pem, err := os.ReadFile(c.certificate)
	if err != nil {
		return confidential.Credential{}, err
	}
	certificates, key, err := confidential.CertFromPEM(pem, "")
	if err != nil {
		return confidential.Credential{}, err
	}
	return confidential.NewCredFromCert(certificates, key)
}

// newIssued reads the claims of a token, which only Graph should do; here it is what the test is about.
func newIssued(token string, expires time.Time, cached bool) (*issued, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("the access token has %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	seen := &issued{Lifetime: time.Until(expires).Round(time.Second).Seconds(), Cached: cached}
	return seen, json.Unmarshal(payload, &seen.Claims)
}

// oauthError is the error in a reply of the token endpoint (RFC 6749 section 5.2).
func oauthError(reply *http.Response) string {
	body, err := io.ReadAll(reply.Body)
	if err != nil && !errors.Is(err, http.ErrBodyReadAfterClose) {
		return err.Error()
	}
	reply.Body = io.NopCloser(bytes.NewReader(body))
	var e struct{ Error string }
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	return e.Error
}
