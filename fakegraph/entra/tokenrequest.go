package entra

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// Limits of the body of a token request.
const (
	maxTokenBody  = 64 << 10
	maxTokenParts = 32
)

// readTokenRequest returns the parameters in the body of a token request.
func readTokenRequest(r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxTokenBody+1))
	if err != nil {
		return nil, fmt.Errorf("reading the request body: %w", err)
	}
	return parseTokenBody(r.Header.Get("Content-Type"), body)
}

// parseTokenBody reads a form, URL-encoded or multipart: libcurl's CURLOPT_HTTPPOST, which PacketFence uses,
// sends the latter (facts 4.2). A body without a content type is taken for URL-encoded.
func parseTokenBody(contentType string, body []byte) (url.Values, error) {
	if len(body) > maxTokenBody {
		return nil, fmt.Errorf("the request body is longer than %d octets", maxTokenBody)
	}
	media, params, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "":
		return parseForm(body)
	case err != nil:
		return nil, fmt.Errorf("content type %q: %w", contentType, err)
	case media == "application/x-www-form-urlencoded":
		return parseForm(body)
	case media == "multipart/form-data":
		return parseMultipart(params["boundary"], body)
	}
	return nil, fmt.Errorf("content type %q is neither application/x-www-form-urlencoded nor multipart/form-data", media)
}

// parseForm reads a URL-encoded form. Its error does not show what is wrong, which may be part of a password.
func parseForm(body []byte) (url.Values, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the request body is not URL-encoded")
	}
	return values, nil
}

func parseMultipart(boundary string, body []byte) (url.Values, error) {
	if boundary == "" {
		return nil, errors.New("multipart body without a boundary")
	}
	values := url.Values{}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for n := 0; ; n++ {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return nil, fmt.Errorf("multipart body: %w", err)
		}
		if n == maxTokenParts {
			return nil, fmt.Errorf("multipart body has more than %d parts", maxTokenParts)
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, fmt.Errorf("multipart body: %w", err)
		}
		values.Add(part.FormName(), string(value))
	}
}

// basicCredentials returns the client id and secret of an Authorization header (RFC 6749 section 2.3.1, where both
// are URL-encoded first).
func basicCredentials(header string) (id, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	id, secret, ok = strings.Cut(string(decoded), ":")
	return unescaped(id), unescaped(secret), ok
}

// unescaped undoes URL encoding where there is any: many clients leave it out.
func unescaped(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}
