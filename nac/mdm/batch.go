package mdm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// maxBatch bounds the requests in one batch (facts: graph-and-entra 2.4).
const maxBatch = 20

// batchTries is how often the requests of a batch are made that the service was too busy for.
const batchTries = 3

// noBatchFor is how long devices are read one by one after Graph has refused a batch as such.
const noBatchFor = time.Hour

type batchRequest struct {
	ID     string `json:"id"`
	Method string `json:"method"`
	URL    string `json:"url"`
}

type batchReply struct {
	Responses batchItems `json:"responses"`
}

// batchItems are the replies in a batch. More than there can be are an error, before memory is made for them.
type batchItems []batchItem

// UnmarshalJSON reads an array of valid JSON.
func (l *batchItems) UnmarshalJSON(text []byte) error {
	*l = nil
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); err != nil || first == nil {
		return err
	} else if first != json.Delim('[') {
		return errors.New("the responses are no array")
	}
	for d.More() {
		if len(*l) == maxBatch {
			return fmt.Errorf("there are more than %d responses", maxBatch)
		}
		var item batchItem
		if err := d.Decode(&item); err != nil {
			return err
		}
		*l = append(*l, item)
	}
	return nil
}

type batchItem struct {
	ID      string          `json:"id"`
	Status  int             `json:"status"`
	Headers map[string]any  `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// readAll returns the devices of those Intune device IDs; nil stands for one that is not there. It asks for up to
// maxBatch at once, and for each by itself where Graph does not take batches.
func (g *graph) readAll(ids []string) (map[string]*fetched, error) {
	devices := map[string]*fetched{}
	for len(ids) > 0 {
		some := ids[:min(len(ids), maxBatch)]
		err := g.readBatch(some, devices)
		if refusesBatch(err) {
			g.mu.Lock()
			g.noBatch = g.h.Now().Add(noBatchFor)
			g.mu.Unlock()
		} else if err != nil {
			return devices, err
		}
		for _, id := range some {
			if _, ok := devices[id]; ok {
				continue
			}
			f, err := g.device(id)
			if err != nil {
				return devices, err
			}
			devices[id] = f
		}
		ids = ids[len(some):]
	}
	return devices, nil
}

// refusesBatch reports whether Graph knows nothing of batches, or does not like this one.
func refusesBatch(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusBadRequest || e.Status == http.StatusMethodNotAllowed)
}

// readBatch reads up to maxBatch devices into devices. Those that fail for a reason of their own are left out.
func (g *graph) readBatch(ids []string, devices map[string]*fetched) error {
	for try := 1; ; try++ {
		g.mu.Lock()
		off := g.h.Now().Before(g.noBatch)
		g.mu.Unlock()
		if off || len(ids) < 2 {
			return nil
		}
		reply, err := g.batch(ids)
		if err != nil {
			return err
		}
		var busy []string
		var wait *Error
		for i := range reply.Responses {
			id, again := g.batched(ids, &reply.Responses[i], devices)
			if again == nil || slices.Contains(busy, id) {
				continue
			}
			if busy = append(busy, id); wait == nil || again.RetryAfter > wait.RetryAfter {
				wait = again
			}
		}
		if len(busy) == 0 {
			return nil
		}
		if try == batchTries {
			return wait
		}
		if err := g.h.Sleep(g.patience(try, wait)); err != nil {
			return err
		}
		ids = busy
	}
}

const opBatch = "batch of devices"

// batch asks for some devices at once.
func (g *graph) batch(ids []string) (batchReply, error) {
	var ask struct {
		Requests []batchRequest `json:"requests"`
	}
	for i, id := range ids {
		ask.Requests = append(ask.Requests, batchRequest{strconv.Itoa(i), http.MethodGet, "/deviceManagement/managedDevices/" + id + "?$select=" + selected})
	}
	text, err := json.Marshal(&ask)
	if err != nil {
		return batchReply{}, err
	}
	body, err := g.authorized(opBatch, len(ids), func() (*http.Request, error) {
		req, err := http.NewRequest(http.MethodPost, g.cfg.Graph+"/v1.0/$batch", bytes.NewReader(text))
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
		}
		return req, err
	})
	if err != nil {
		return batchReply{}, err
	}
	return decodeBatch(body)
}

func decodeBatch(body []byte) (batchReply, error) {
	var reply batchReply
	if err := json.Unmarshal(body, &reply); err != nil {
		return batchReply{}, fmt.Errorf("%s: %w", opBatch, err)
	}
	return reply, nil
}

// batched takes one reply of a batch. It returns an error when the service was too busy for the request; for any other
// that failed there is no entry in devices.
func (g *graph) batched(ids []string, item *batchItem, devices map[string]*fetched) (id string, busy *Error) {
	n, err := strconv.Atoi(item.ID)
	if err != nil || n < 0 || n >= len(ids) {
		return "", nil
	}
	id = ids[n]
	switch {
	case item.Status == http.StatusOK:
		if f, err := g.single(opBatch, id, item.Body); err == nil {
			devices[id] = f
		}
	case item.Status == http.StatusNotFound:
		devices[id] = nil
	default:
		reply := &http.Response{StatusCode: item.Status, Header: http.Header{}}
		for name, value := range item.Headers { // order-free: into a map
			reply.Header.Set(name, fmt.Sprint(value))
		}
		if e := newError(opBatch, reply, item.Body, g.h.Now()); passing(e) {
			return id, e
		}
	}
	return id, nil
}
