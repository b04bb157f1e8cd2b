package main

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/devicemanagement"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

// A device is what the SDK made of a managedDevice; null where it was null or absent.
type device struct {
	ID       *string    `json:"id"`
	Name     *string    `json:"name"`
	WiFi     *string    `json:"wifi"`
	Ethernet *string    `json:"ethernet"`
	State    *string    `json:"state"`
	Manage   *string    `json:"management"`
	User     *string    `json:"user"`
	OS       *string    `json:"os"`
	LastSync *time.Time `json:"lastSync"`
}

func newDevice(d models.ManagedDeviceable) device {
	seen := device{
		ID: d.GetId(), Name: d.GetDeviceName(), WiFi: d.GetWiFiMacAddress(), Ethernet: d.GetEthernetMacAddress(),
		User: d.GetUserPrincipalName(), OS: d.GetOperatingSystem(), LastSync: d.GetLastSyncDateTime(),
	}
	if s := d.GetComplianceState(); s != nil {
		text := s.String()
		seen.State = &text
	}
	if s := d.GetManagementState(); s != nil {
		text := s.String()
		seen.Manage = &text
	}
	return seen
}

// list walks managedDevices with the SDK's page iterator. Parameters: $select, $filter, $top, $count, $orderby; most
// is the number of devices after which the program stops of its own accord.
func (c *client) list(ctx context.Context, parameters url.Values) (any, error) {
	devices, adapter, err := c.managedDevices()
	if err != nil {
		return nil, err
	}
	query, err := listQuery(parameters)
	if err != nil {
		return nil, err
	}
	first, err := devices.Get(ctx, &devicemanagement.ManagedDevicesRequestBuilderGetRequestConfiguration{QueryParameters: query})
	if err != nil {
		return nil, err
	}
	pages, err := graphcore.NewPageIterator[models.ManagedDeviceable](first, adapter, models.CreateManagedDeviceCollectionResponseFromDiscriminatorValue)
	if err != nil {
		return nil, err
	}
	most, _ := strconv.Atoi(parameters.Get("most"))
	seen := []device{}
	err = pages.Iterate(ctx, func(d models.ManagedDeviceable) bool {
		seen = append(seen, newDevice(d))
		return len(seen) != most
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"devices": seen, "firstPage": len(first.GetValue()), "count": first.GetOdataCount()}, nil
}

func listQuery(parameters url.Values) (*devicemanagement.ManagedDevicesRequestBuilderGetQueryParameters, error) {
	query := &devicemanagement.ManagedDevicesRequestBuilderGetQueryParameters{}
	if s := parameters.Get("$select"); s != "" {
		query.Select = strings.Split(s, ",")
	}
	if s := parameters.Get("$filter"); s != "" {
		query.Filter = &s
	}
	if s := parameters.Get("$orderby"); s != "" {
		query.Orderby = strings.Split(s, ",")
	}
	if s := parameters.Get("$count"); s != "" {
		yes := s == "true"
		query.Count = &yes
	}
	if s := parameters.Get("$top"); s != "" {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return nil, err
		}
		top := int32(n)
		query.Top = &top
	}
	return query, nil
}

// get reads one device. Parameters: id, $select.
func (c *client) get(ctx context.Context, parameters url.Values) (any, error) {
	devices, _, err := c.managedDevices()
	if err != nil {
		return nil, err
	}
	d, err := devices.ByManagedDeviceId(parameters.Get("id")).Get(ctx, itemConfiguration(parameters))
	if err != nil {
		return nil, err
	}
	return newDevice(d), nil
}

func itemConfiguration(parameters url.Values) *devicemanagement.ManagedDevicesManagedDeviceItemRequestBuilderGetRequestConfiguration {
	query := &devicemanagement.ManagedDevicesManagedDeviceItemRequestBuilderGetQueryParameters{}
	if s := parameters.Get("$select"); s != "" {
		query.Select = strings.Split(s, ",")
	}
	return &devicemanagement.ManagedDevicesManagedDeviceItemRequestBuilderGetRequestConfiguration{QueryParameters: query}
}

// policyStates reads a device's compliance policies: name to state. Parameter: id.
func (c *client) policyStates(ctx context.Context, parameters url.Values) (any, error) {
	devices, _, err := c.managedDevices()
	if err != nil {
		return nil, err
	}
	states, err := devices.ByManagedDeviceId(parameters.Get("id")).DeviceCompliancePolicyStates().Get(ctx, nil)
	if err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for _, s := range states.GetValue() {
		if s.GetState() != nil {
			seen[value(s.GetDisplayName())] = s.GetState().String()
		}
	}
	return seen, nil
}

// batch reads devices by JSON batching. Parameters: id, any number of them; $select.
func (c *client) batch(ctx context.Context, parameters url.Values) (any, error) {
	devices, adapter, err := c.managedDevices()
	if err != nil {
		return nil, err
	}
	batch := graphcore.NewBatchRequestCollection(adapter)
	var steps []string
	for _, id := range parameters["id"] {
		request, err := devices.ByManagedDeviceId(id).ToGetRequestInformation(ctx, itemConfiguration(parameters))
		if err != nil {
			return nil, err
		}
		step, err := batch.AddBatchRequestStep(*request)
		if err != nil {
			return nil, err
		}
		steps = append(steps, value(step.GetId()))
	}
	replies, err := batch.Send(ctx, adapter)
	if err != nil {
		return nil, err
	}
	return batchResult(replies, parameters["id"], steps)
}

// batchItem is the reply to one request of a batch.
type batchItem struct {
	ID     string   `json:"id"` // as asked for
	Status int32    `json:"status"`
	Device *device  `json:"device,omitempty"`
	Error  *failure `json:"error,omitempty"`
}

func batchResult(replies graphcore.BatchResponse, ids, steps []string) ([]batchItem, error) {
	var seen []batchItem
	for i, id := range ids {
		reply := replies.GetResponseById(steps[i])
		if reply == nil {
			return nil, errors.New("no reply to " + id + " in the batch")
		}
		item := batchItem{ID: id, Status: value(reply.GetStatus())}
		d, err := graphcore.GetBatchResponseById[models.ManagedDeviceable](replies, steps[i], models.CreateManagedDeviceFromDiscriminatorValue)
		if err != nil {
			item.Error = failureOf(err)
		} else {
			found := newDevice(d)
			item.Device = &found
		}
		seen = append(seen, item)
	}
	return seen, nil
}

// sync asks a device to check in. Parameter: id.
func (c *client) sync(ctx context.Context, parameters url.Values) (any, error) {
	devices, _, err := c.managedDevices()
	if err != nil {
		return nil, err
	}
	return "done", devices.ByManagedDeviceId(parameters.Get("id")).SyncDevice().Post(ctx, nil)
}

// retire retires a device. Parameter: id.
func (c *client) retire(ctx context.Context, parameters url.Values) (any, error) {
	devices, _, err := c.managedDevices()
	if err != nil {
		return nil, err
	}
	return "done", devices.ByManagedDeviceId(parameters.Get("id")).Retire().Post(ctx, nil)
}

// raw sends a GET to a path below the base URL through the SDK's middleware. Parameter: path.
func (c *client) raw(ctx context.Context, parameters url.Values) (any, error) {
	adapter, err := c.requestAdapter()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(adapter.GetBaseUrl() + parameters.Get("path"))
	if err != nil {
		return nil, err
	}
	request := abstractions.NewRequestInformation()
	request.Method = abstractions.GET
	request.SetUri(*u)
	request.Headers.Add("Accept", "application/json")
	body, err := adapter.SendPrimitive(ctx, request, "[]byte", odataErrors)
	if err != nil {
		return nil, err
	}
	return rawJSON(body)
}
