package mdm

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"nacsim/internal/guid"
	"nacsim/internal/host"
)

// A graph talks to Microsoft Graph. It is safe for concurrent use.
type graph struct {
	h      host.Host
	cfg    *Config
	tokens tokenSource

	mu    sync.Mutex // guards ids
	ids   io.Reader
	salts io.Reader // for signatures
}

// maxBody bounds one reply: a page of 1000 devices with the selected properties has about 600 KB.
const maxBody = 16 << 20

// pageTries is how often a page behind the first is asked for before the whole list fails.
const pageTries = 3

// device returns the device of that Intune device ID, or nil when there is none.
func (g *graph) device(id string) (*fetched, error) {
	const op = "device by id"
	body, err := g.get(op, g.collection()+"/"+url.PathEscape(id)+"?$select="+selected)
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := decodeDevice(body, g.h.Now())
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(f.ID, id) {
		return nil, fmt.Errorf("%s: asked for %s, got %s", op, id, f.ID)
	}
	return &f, nil
}

// named returns the devices of that name. Graph ignores filters that it does not like and sends every device
// instead (facts: graph-and-entra 2.1), so all pages are read and all rows are checked.
func (g *graph) named(name string) ([]fetched, error) {
	filter := escape("deviceName eq '" + strings.ReplaceAll(name, "'", "''") + "'")
	rows, err := g.list("device by name", g.collection()+"?$filter="+filter+"&$select="+selected)
	if err != nil {
		return nil, err
	}
	var named []fetched
	for i := range rows {
		if strings.EqualFold(rows[i].DeviceName, name) {
			named = append(named, rows[i])
		}
	}
	return named, nil
}

// all returns all devices.
func (g *graph) all() ([]fetched, error) {
	return g.list("list of devices", g.collection()+"?$select="+selected)
}

func (g *graph) collection() string { return g.cfg.Graph + "/v1.0/deviceManagement/managedDevices" }

// list reads all pages. A device that moved between pages while they were read counts once, as it was last.
func (g *graph) list(op, address string) ([]fetched, error) {
	var devices []fetched
	at := map[string]int{}
	seen := map[string]bool{}
	for pages := 0; address != ""; pages++ {
		if pages == g.cfg.MaxPages {
			return nil, fmt.Errorf("%s: more than %d pages", op, pages)
		}
		if seen[address] {
			return nil, fmt.Errorf("%s: page %d leads back to a page before it", op, pages)
		}
		seen[address] = true
		page, next, err := g.page(op, address, pages > 0)
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			if i, ok := at[d.ID]; ok {
				devices[i] = d
				continue
			}
			at[d.ID] = len(devices)
			devices = append(devices, d)
		}
		if next != "" && !g.sameOrigin(next) {
			return nil, fmt.Errorf("%s: the next page is at %.128q, outside of %s", op, next, g.cfg.Graph)
		}
		address = next
	}
	return devices, nil
}

// page reads one page. With patience it asks again when the service is busy, because what came before would be
// lost.
func (g *graph) page(op, address string, patience bool) (devices []fetched, next string, err error) {
	for try := 1; ; try++ {
		var body []byte
		if body, err = g.get(op, address); err == nil {
			return decodePageOf(op, body, g.h.Now())
		}
		var e *Error
		if !patience || try == pageTries || !errors.As(err, &e) || e.Status < 500 && e.Status != http.StatusTooManyRequests {
			return nil, "", err
		}
		wait := min(max(e.RetryAfter, time.Duration(try)*time.Second), g.cfg.RetryMax)
		if err := g.h.Sleep(wait); err != nil {
			return nil, "", err
		}
	}
}

func decodePageOf(op string, body []byte, at time.Time) ([]fetched, string, error) {
	devices, next, err := decodePage(body, at)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", op, err)
	}
	return devices, next, nil
}

func (g *graph) sameOrigin(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	own, err := url.Parse(g.cfg.Graph)
	return err == nil && strings.EqualFold(u.Scheme, own.Scheme) && strings.EqualFold(originPort(u), originPort(own))
}

// originPort is host:port with the default port of https.
func originPort(u *url.URL) string {
	if u.Port() == "" {
		return u.Host + ":443"
	}
	return u.Host
}

// get makes a GET with the token and returns the body of a reply 200. A reply 401 renews the token once.
func (g *graph) get(op, address string) ([]byte, error) {
	refused := ""
	for {
		token, err := g.token(refused)
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		reply, body, err := g.roundTrip(req)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", op, err)
		case reply.StatusCode == http.StatusOK:
			return body, nil
		case reply.StatusCode == http.StatusUnauthorized && refused == "":
			refused = token
		default:
			return nil, newError(op, reply, body, g.h.Now())
		}
	}
}

// roundTrip makes one request and reads its reply.
func (g *graph) roundTrip(req *http.Request) (*http.Response, []byte, error) {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("client-request-id", g.requestID())
	reply, err := g.h.RoundTrip(req, host.HTTPOptions{Timeout: g.cfg.Timeout, RootCAs: g.cfg.RootCAs, MaxBody: maxBody})
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(reply.Body)
	if closing := reply.Body.Close(); err == nil {
		err = closing
	}
	return reply, body, err
}

// requestID draws the GUID under which Microsoft's support finds a request.
func (g *graph) requestID() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return guid.New(g.ids)
}

// escape is url.QueryEscape with %20 for a space, as Microsoft's clients write it.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
