package mdm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"nacsim/internal/guid"
	"nacsim/internal/host"
)

// A graph talks to Microsoft Graph. It is safe for concurrent use.
type graph struct {
	h      host.Host
	cfg    *Config
	tokens tokenSource
	gate   gate
	// credential can be replaced at any time, unlike what is used of cfg here.
	credential atomic.Pointer[credential]

	devices flight[*fetched]  // by link and ID
	queries flight[queryRows] // by link and filter

	mu      sync.Mutex // guards what follows
	ids     io.Reader
	salts   io.Reader // for signatures
	jitter  io.Reader
	ignored map[string]time.Time // properties of which filters are ignored, and until when that is believed
	noBatch time.Time            // until when $batch is not tried
}

// maxBody bounds one reply: a page of 1000 devices with the selected properties has about 600 KB.
const maxBody = 16 << 20

// device returns the device of that Intune device ID, or nil when there is none.
func (g *graph) device(id string) (*fetched, error) {
	return g.devices.do(g.h, g.tokens.keyed(id), func() (*fetched, error) {
		const op = "device by id"
		body, err := g.get(op, g.collection()+"/"+url.PathEscape(id)+"?$select="+selected)
		var e *Error
		if errors.As(err, &e) && e.Status == http.StatusNotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return g.single(op, id, body)
	})
}

// single reads the reply to a request for one device. It tells the Ethernet address: null is that there is none.
func (g *graph) single(op, id string, body []byte) (*fetched, error) {
	f, err := decodeDevice(body, g.h.Now())
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(f.ID, id) {
		return nil, fmt.Errorf("%s: asked for %s, got %s", op, id, f.ID)
	}
	f.ethernetKnown, f.single = true, true
	return &f, nil
}

func (g *graph) collection() string { return g.cfg.Graph + "/v1.0/deviceManagement/managedDevices" }

// A filter asks for the devices with a value in one property.
type filter struct {
	op, property, value string
	// matches and has check what is found: Graph ignores filters that it does not like and sends every device instead
	// (facts: graph-and-entra 2.1).
	matches func(*row) bool
	has     func(*Record) bool
}

func byName(name string) filter {
	folded := foldName(name)
	return filter{"device by name", "deviceName", name,
		func(r *row) bool { return foldName(string(r.name)) == folded },
		func(r *Record) bool { return foldName(r.DeviceName) == folded }}
}

// byEntraID takes a GUID in lower case.
func byEntraID(id string) filter {
	want := parseID(id)
	return filter{"device by Entra id", "azureADDeviceId", id,
		func(r *row) bool { return r.entra == want },
		func(r *Record) bool { return r.AzureADDeviceID == id }}
}

// queryRows are the devices that match a filter. Ignored says that Graph has ignored it, and that the devices are only
// those of the beginning of the whole list.
type queryRows struct {
	devices []fetched
	ignored bool
}

// errEnough ends a list whose rest is not wanted.
var errEnough = errors.New("enough")

// query asks with a filter.
func (g *graph) query(q filter) (queryRows, error) {
	return g.queries.do(g.h, g.tokens.keyed(q.property+" "+q.value), func() (queryRows, error) {
		text := escape(q.property + " eq '" + strings.ReplaceAll(q.value, "'", "''") + "'")
		var found queryRows
		others := 0
		err := g.list(q.op, g.collection()+"?$filter="+text+"&$select="+selected, func(rows []row, next bool) error {
			for i := range rows {
				if !q.matches(&rows[i]) {
					others++
				} else {
					found.devices = append(found.devices, rows[i].fetched(g.h.Now()))
				}
			}
			if others > 0 && next {
				found.ignored = true
				return errEnough
			}
			if len(found.devices) > maxShared {
				return fmt.Errorf("%s: more than %d devices match", q.op, maxShared)
			}
			return nil
		}, func() { found, others = queryRows{}, 0 })
		if others > 0 {
			g.noteIgnored(q.property, others)
		}
		if err != nil && !errors.Is(err, errEnough) {
			return queryRows{}, err
		}
		found.devices = lastOfEach(found.devices)
		return found, nil
	})
}

// lastOfEach leaves the last of several rows of one device, which was in two places while pages were read.
func lastOfEach(rows []fetched) []fetched {
	seen := map[string]bool{}
	slices.Reverse(rows)
	rows = slices.DeleteFunc(rows, func(f fetched) bool {
		was := seen[f.ID]
		seen[f.ID] = true
		return was
	})
	slices.Reverse(rows)
	return rows
}

// list reads all pages and gives each to take, with whether there is another. When a list has to be read again from the
// start, it calls again.
func (g *graph) list(op, address string, take func(rows []row, next bool) error, again func()) error {
	begin := address
	var rows []row
	seen := map[string]bool{}
	restarted := false
	for pages := 0; address != ""; pages++ {
		if pages == g.cfg.MaxPages {
			return fmt.Errorf("%s: more than %d pages", op, pages)
		}
		if seen[address] {
			return fmt.Errorf("%s: page %d leads back to a page before it", op, pages)
		}
		seen[address] = true
		var next string
		var err error
		rows, next, err = g.page(op, address, rows[:0], address != begin)
		if forgotten(err) && address != begin && !restarted {
			restarted, address = true, begin
			clear(seen)
			again()
			continue
		}
		if err != nil {
			return err
		}
		if next != "" && !g.sameOrigin(next) {
			return fmt.Errorf("%s: the next page is at %.128q, outside of %s", op, next, g.cfg.Graph)
		}
		if err := take(rows, next != ""); err != nil {
			return err
		}
		address = next
	}
	return nil
}

// forgotten reports whether Graph does not know any more what it has given as the address of the next page.
func forgotten(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusGone || e.Status == http.StatusBadRequest)
}

// pageTries is how often a page behind the first is asked for before the whole list fails.
const pageTries = 3

// page reads one page. With patience it asks again when the service is busy or the reply is broken, because what came
// before would be lost.
func (g *graph) page(op, address string, rows []row, patience bool) (all []row, next string, err error) {
	for try := 1; ; try++ {
		var body []byte
		if body, err = g.get(op, address); err == nil {
			if all, next, err = readPage(body, rows[:0]); err == nil {
				return all, next, nil
			}
			err = fmt.Errorf("%s: %w", op, err)
		}
		if !patience || try == pageTries || !passing(err) {
			return rows, "", err
		}
		if err := g.h.Sleep(g.patience(try, err)); err != nil {
			return rows, "", err
		}
	}
}

// patience is how long to wait before a page is asked for again.
func (g *graph) patience(try int, err error) time.Duration {
	wait := max(time.Duration(try)*time.Second, asked(err, g.h.Now()))
	g.mu.Lock()
	defer g.mu.Unlock()
	return spread(min(wait, g.cfg.RetryMax), g.jitter)
}

func (g *graph) sameOrigin(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	own, err := url.Parse(g.cfg.Graph)
	return err == nil && u.Scheme == own.Scheme && ascii(u.Host) && strings.EqualFold(originPort(u), originPort(own))
}

// ascii reports whether a host is written in ASCII: others can be equal to it but for case, and lead elsewhere.
func ascii(host string) bool {
	return !strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf })
}

// originPort is host:port with the default port of https.
func originPort(u *url.URL) string {
	if u.Port() == "" {
		return u.Host + ":443"
	}
	return u.Host
}

// get makes a GET with the token and returns the body of a reply 200.
func (g *graph) get(op, address string) ([]byte, error) {
	return g.authorized(op, 1, func() (*http.Request, error) { return http.NewRequest(http.MethodGet, address, nil) })
}

// authorized makes a request that counts as n with the token and returns the body of a reply 200. A reply 401 renews the
// token once.
func (g *graph) authorized(op string, n int, request func() (*http.Request, error)) ([]byte, error) {
	refused := ""
	for {
		token, err := g.token(refused)
		if err != nil {
			return nil, err
		}
		req, err := request()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		reply, body, err := g.roundTrip(op, n, req, refused == "")
		switch {
		case err != nil:
			return nil, err
		case reply.StatusCode == http.StatusOK:
			return body, nil
		case reply.StatusCode == http.StatusUnauthorized && refused == "":
			refused = token
		default:
			if reply.StatusCode == http.StatusForbidden {
				g.tokens.doubt(token)
			}
			return nil, newError(op, reply, body, g.h.Now())
		}
	}
}

// roundTrip makes one request and reads its reply. With another, a reply 401 is followed by another try.
func (g *graph) roundTrip(op string, n int, req *http.Request, another bool) (*http.Response, []byte, error) {
	wait, err := g.gate.enter(n, g.h.Now())
	if err == nil && wait > 0 {
		err = g.h.Sleep(wait)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", op, err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("client-request-id", g.requestID())
	reply, err := g.h.RoundTrip(req, host.HTTPOptions{Timeout: g.cfg.Timeout, RootCAs: g.cfg.RootCAs, MaxBody: maxBody})
	var body []byte
	if err == nil {
		body, err = readBody(reply)
	}
	if err == nil && reply.StatusCode != http.StatusOK {
		body = g.withoutSecrets(req, body)
	}
	switch {
	case err != nil:
		err = fmt.Errorf("%s: %w", op, err)
		g.gate.left(err, g.h.Now())
	case reply.StatusCode == http.StatusUnauthorized && another, op == opToken && reply.StatusCode == http.StatusOK:
		g.gate.aside()
	case trouble(reply.StatusCode), op == opToken:
		g.gate.left(newError(op, reply, body, g.h.Now()), g.h.Now())
	default:
		g.gate.left(nil, g.h.Now())
	}
	return reply, body, err
}

// minSecret is how long a text is at least that is taken for a secret and not for a word.
const minSecret = 16

// withoutSecrets takes out of an error what the NAC has shown with the request, which a proxy may repeat: errors go into logs.
func (g *graph) withoutSecrets(req *http.Request, body []byte) []byte {
	token := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	secrets := []string{token, g.credential.Load().secret}
	if form := shownForm(req); form != nil { // with another credential than the present one, perhaps
		secrets = append(secrets, form.Get("client_secret"), form.Get("client_assertion"))
	}
	for _, text := range slices.Clone(secrets) {
		secrets = append(secrets, url.QueryEscape(text))
	}
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			body = bytes.ReplaceAll(body, []byte(secret), []byte("*****"))
		}
	}
	return body
}

// shownForm is the form that a request has sent, or nil when it was none.
func shownForm(req *http.Request) url.Values {
	if req.GetBody == nil || req.Header.Get("Content-Type") != formType {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return nil
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil
	}
	return form
}

// readBody reads a reply into memory of the right size.
func readBody(reply *http.Response) ([]byte, error) {
	var body bytes.Buffer
	if reply.ContentLength > 0 && reply.ContentLength <= maxBody {
		body.Grow(int(reply.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(reply.Body)
	if closing := reply.Body.Close(); err == nil {
		err = closing
	}
	return body.Bytes(), err
}

// requestID draws the GUID under which Microsoft's support finds a request.
func (g *graph) requestID() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return guid.New(g.ids)
}

// escape is url.QueryEscape with %20 for a space, as Microsoft's clients write it.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
