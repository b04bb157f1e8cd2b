package api

import (
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"nacsim/nac/policy"
	"nacsim/nac/session"
)

// The entries of a page.
const (
	usualPage = 100
	maxPage   = 1000
)

// page is which part of a list is asked for: at most limit entries after the one called after.
func pageOf(r *http.Request) (after string, limit int, err error) {
	q := r.URL.Query()
	limit = usualPage
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return "", 0, fmt.Errorf("limit is %.40q; expected a number from 1 to %d", text, maxPage)
		}
		limit = n
	}
	return strings.ToLower(q.Get("after")), limit, nil
}

// cut returns the part of an ascending list of n names that a page has, and where the next one is, empty if there is none.
func cut(r *http.Request, n int, name func(int) string) (first, last int, next string, err error) {
	after, limit, err := pageOf(r)
	if err != nil {
		return 0, 0, "", err
	}
	first = sort.Search(n, func(i int) bool { return name(i) > after })
	last = min(first+limit, n)
	if last < n {
		next = r.URL.Path + "?" + url.Values{"after": {name(last - 1)}, "limit": {strconv.Itoa(limit)}}.Encode()
	}
	return first, last, next, nil
}

// sessionEntry is a session in JSON.
type sessionEntry struct {
	Client       string     `json:"client"`
	NAS          string     `json:"nas"`
	SSID         string     `json:"ssid,omitempty"`
	Port         string     `json:"port,omitempty"`
	User         string     `json:"user,omitempty"`
	AuthType     string     `json:"auth_type"`
	VLAN         string     `json:"vlan,omitempty"`
	Role         string     `json:"role,omitempty"`
	Rule         string     `json:"rule,omitempty"`
	AuthorizedAt time.Time  `json:"authorized_at"`
	StartedAt    *time.Time `json:"started_at,omitempty"`
}

func newSessionEntry(s *session.Session) sessionEntry {
	r := &s.Request
	return sessionEntry{Client: r.MAC, NAS: r.NAS, SSID: r.SSID, Port: s.Port, User: r.UserName, AuthType: r.AuthType,
		VLAN: s.InForce.VLAN, Role: s.InForce.Role, Rule: s.Rule, AuthorizedAt: s.AuthorizedAt.UTC(), StartedAt: instant(s.StartedAt)}
}

func (s *Server) sessions(w http.ResponseWriter, r *http.Request) {
	clients := s.nac.SessionClients()
	first, last, next, err := cut(r, len(clients), func(i int) string { return clients[i] })
	if err != nil {
		s.fail(w, http.StatusBadRequest, "bad_parameter", err.Error())
		return
	}
	list := make([]sessionEntry, 0, last-first)
	for _, client := range clients[first:last] {
		if one, ok := s.nac.SessionOf(client); ok { // it may have ended meanwhile
			list = append(list, newSessionEntry(&one))
		}
	}
	reply(w, http.StatusOK, struct {
		Total    int            `json:"total"`
		Sessions []sessionEntry `json:"sessions"`
		Next     string         `json:"next,omitempty"`
	}{len(clients), list, next})
}

// mdmEntry is what is known of a session's device in JSON.
type mdmEntry struct {
	Status     policy.Status `json:"status"`
	Standing   string        `json:"standing,omitempty"`
	Compliance string        `json:"compliance_state,omitempty"`
	SeenAt     *time.Time    `json:"seen_at,omitempty"`
	DeviceID   string        `json:"device_id,omitempty"`
	DeviceName string        `json:"device_name,omitempty"`
	Key        string        `json:"key,omitempty"`
	Why        string        `json:"why,omitempty"`
}

func (s *Server) session(w http.ResponseWriter, r *http.Request) {
	client := strings.ReplaceAll(strings.ToLower(mux.Vars(r)["client"]), "-", ":")
	one, ok := s.nac.SessionOf(client)
	if !ok {
		s.fail(w, http.StatusNotFound, "no_session", fmt.Sprintf("client %.40q has no session; it is a MAC address such as 00:1c:b3:09:85:15", client))
		return
	}
	d, m := s.nac.Explain(&one)
	reply(w, http.StatusOK, struct {
		sessionEntry
		Device      mdmEntry `json:"device"`
		Result      string   `json:"result"`
		Explanation []string `json:"explanation"`
	}{newSessionEntry(&one), mdmEntry{d.MDM, m.Standing, m.ComplianceState, instant(m.SeenAt), m.DeviceID, m.DeviceName, string(m.Key.Kind), m.Why},
		d.String(), d.Explanation()})
}

// deviceEntry is a record of the device database in JSON.
type deviceEntry struct {
	ID         string     `json:"id"`
	EntraID    string     `json:"entra_id,omitempty"`
	Name       string     `json:"name"`
	WiFi       string     `json:"wifi_mac,omitempty"`
	Ethernet   string     `json:"ethernet_mac,omitempty"`
	Compliance string     `json:"compliance_state"`
	Management string     `json:"management_state,omitempty"`
	Standing   string     `json:"standing"`
	LastSync   *time.Time `json:"last_sync,omitempty"`
	FetchedAt  time.Time  `json:"fetched_at"`
}

func (s *Server) devices(w http.ResponseWriter, r *http.Request) {
	records := s.nac.Devices()
	first, last, next, err := cut(r, len(records), func(i int) string { return records[i].ID })
	if err != nil {
		s.fail(w, http.StatusBadRequest, "bad_parameter", err.Error())
		return
	}
	list := make([]deviceEntry, 0, last-first)
	for i := range records[first:last] {
		d := &records[first+i]
		list = append(list, deviceEntry{d.ID, d.AzureADDeviceID, d.DeviceName, d.WiFiMAC, d.EthernetMAC, d.ComplianceState, d.ManagementState,
			d.Standing, instant(d.LastSync), d.FetchedAt.UTC()})
	}
	reply(w, http.StatusOK, struct {
		Total   int           `json:"total"`
		Devices []deviceEntry `json:"devices"`
		Next    string        `json:"next,omitempty"`
	}{len(records), list, next})
}
