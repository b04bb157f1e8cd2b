// Graphclient asks Entra ID and Microsoft Graph with Microsoft's own Go libraries (azidentity, MSAL, msgraph-sdk-go)
// and prints what they made of the replies: one JSON object a case, on a line of its own. It judges nothing.
//
//	graphclient [-authority URL] [-graph URL] -tenant T -client C [-secret S | -certificate FILE] CASE...
//
// A case is a name and parameters written as a query: "list?$select=id,deviceName&$top=2". Without -authority and
// -graph the libraries stay as they are, so they call Microsoft's hosts, or what HTTPS_PROXY and SSL_CERT_FILE put in
// their place. The Node program beside this one takes the same arguments and prints the same objects.
//
// This is a module of its own because msgraph-sdk-go takes a minute to compile.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// A report is what one case saw.
type report struct {
	Case    string   `json:"case"`
	Result  any      `json:"result,omitempty"`
	Error   *failure `json:"error,omitempty"`
	Seconds float64  `json:"seconds"`
}

// A failure is an error as the library in use shows it.
type failure struct {
	Status  int    `json:"status,omitempty"` // of the HTTP reply
	Code    string `json:"code,omitempty"`   // of Graph's error, or of the OAuth 2.0 error
	Message string `json:"message"`
}

// A scenario is the code of one case.
type scenario func(c *client, ctx context.Context, parameters url.Values) (any, error)

var scenarios = map[string]scenario{
	"token":    (*client).token,
	"msal":     (*client).msalToken,
	"password": (*client).msalPassword,
	"list":     (*client).list,
	"get":      (*client).get,
	"states":   (*client).policyStates,
	"batch":    (*client).batch,
	"sync":     (*client).sync,
	"retire":   (*client).retire,
	"raw":      (*client).raw,
	"control":  (*client).control,
}

func main() {
	var c client
	flag.StringVar(&c.authority, "authority", "", "the authority in place of https://login.microsoftonline.com")
	flag.StringVar(&c.graph, "graph", "", "the base URL in place of https://graph.microsoft.com/v1.0")
	flag.StringVar(&c.tenant, "tenant", "", "tenant")
	flag.StringVar(&c.clientID, "client", "", "client id of the app")
	flag.StringVar(&c.secret, "secret", "", "client secret")
	flag.StringVar(&c.certificate, "certificate", "", "PEM file with a certificate and its key, in place of a secret")
	flag.Parse()
	out := json.NewEncoder(os.Stdout)
	for _, text := range flag.Args() {
		if err := out.Encode(c.run(text)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func (c *client) run(text string) report {
	r := report{Case: text}
	began := time.Now()
	result, err := c.play(text)
	r.Seconds = time.Since(began).Seconds()
	if err != nil {
		r.Error = failureOf(err)
	} else {
		r.Result = result
	}
	return r
}

func (c *client) play(text string) (any, error) {
	name, query, _ := strings.Cut(text, "?")
	play := scenarios[name]
	if play == nil {
		return nil, fmt.Errorf("no case %q", name)
	}
	parameters, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return play(c, ctx, parameters)
}

// failureOf takes an error apart as a program that uses the libraries does.
func failureOf(err error) *failure {
	f := &failure{Message: err.Error()}
	var odata *odataerrors.ODataError
	var auth *azidentity.AuthenticationFailedError
	var call msal.CallErr
	var api abstractions.ApiErrorable
	if errors.As(err, &api) {
		f.Status = api.GetStatusCode()
	}
	switch {
	case errors.As(err, &odata):
		if main := odata.GetErrorEscaped(); main != nil {
			f.Code, f.Message = value(main.GetCode()), value(main.GetMessage())
		}
	case errors.As(err, &auth) && auth.RawResponse != nil:
		f.Status = auth.RawResponse.StatusCode
		f.Code = oauthError(auth.RawResponse)
	case errors.As(err, &call) && call.Resp != nil:
		f.Status = call.Resp.StatusCode
		f.Code = oauthError(call.Resp)
	}
	return f
}
