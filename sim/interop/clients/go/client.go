package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"encoding/json"
	"errors"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"
	"github.com/microsoftgraph/msgraph-sdk-go/devicemanagement"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

const graphURL = "https://graph.microsoft.com/v1.0"

// A client is an app of a tenant, with what the libraries keep for it.
type client struct {
	authority, graph    string // "" for Microsoft's
	tenant, clientID    string
	secret, certificate string
	azure               azcore.TokenCredential
	adapter             abstractions.RequestAdapter
}

// requestAdapter is what the root package of msgraph-sdk-go makes in NewGraphServiceClientWithCredentialsAndHosts. That
// package is left out because it draws in the request builders of all of Graph, which take four minutes to compile.
func (c *client) requestAdapter() (abstractions.RequestAdapter, error) {
	if c.adapter != nil {
		return c.adapter, nil
	}
	credential, err := c.credential()
	if err != nil {
		return nil, err
	}
	base, hosts := graphURL, []string(nil) // nil: the hosts that the library trusts with a token
	if c.graph != "" {
		u, err := url.Parse(c.graph)
		if err != nil {
			return nil, err
		}
		base, hosts = c.graph, []string{u.Hostname()}
	}
	auth, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential, []string{graphScope}, hosts)
	if err != nil {
		return nil, err
	}
	adapter, err := graphcore.NewGraphRequestAdapterBase(auth, graphcore.GraphClientOptions{GraphServiceLibraryVersion: "1.89.0"})
	if err != nil {
		return nil, err
	}
	abstractions.RegisterDefaultSerializer(func() serialization.SerializationWriterFactory {
		return jsonserialization.NewJsonSerializationWriterFactory()
	})
	abstractions.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory {
		return jsonserialization.NewJsonParseNodeFactory()
	})
	// The libraries leave it to the program to say what an error in a batch looks like.
	inBatch := abstractions.ErrorMappings{"4XX": odataerrors.CreateODataErrorFromDiscriminatorValue, "5XX": odataerrors.CreateODataErrorFromDiscriminatorValue}
	if err := graphcore.RegisterError(graphcore.BatchRequestErrorRegistryKey, inBatch); err != nil {
		return nil, err
	}
	adapter.SetBaseUrl(base)
	c.adapter = adapter
	return adapter, nil
}

// managedDevices is the request builder that GraphServiceClient.DeviceManagement().ManagedDevices() returns.
func (c *client) managedDevices() (*devicemanagement.ManagedDevicesRequestBuilder, abstractions.RequestAdapter, error) {
	adapter, err := c.requestAdapter()
	if err != nil {
		return nil, nil, err
	}
	at := map[string]string{"baseurl": adapter.GetBaseUrl()}
	return devicemanagement.NewDeviceManagementRequestBuilderInternal(at, adapter).ManagedDevices(), adapter, nil
}

// odataErrors is the mapping that every request builder of the SDK uses.
var odataErrors = abstractions.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue}

// control is no case of the libraries': it asks the control API of fakegraph between two cases, without a token.
// Parameters: path, body.
func (c *client) control(ctx context.Context, parameters url.Values) (any, error) {
	u, err := url.Parse(c.graph)
	if err != nil {
		return nil, err
	}
	address := "https://" + u.Host + "/control" + parameters.Get("path")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(parameters.Get("body")))
	if err != nil {
		return nil, err
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the control API answers %s", reply.Status)
	}
	return "done", nil
}

// value is what a pointer of the SDK points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// rawJSON is a body as it came.
func rawJSON(body any) (any, error) {
	text, ok := body.([]byte)
	if !ok {
		return nil, errors.New("no body")
	}
	var seen any
	return seen, json.Unmarshal(text, &seen)
}
