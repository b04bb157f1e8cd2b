package mdm

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// A Config describes the linked Intune account and how it is used. The zero value of an optional field means the
// default that its comment names.
type Config struct {
	// Authority is where tokens come from. The default is https://login.microsoftonline.com.
	Authority string
	// Graph is the Graph API. The default is https://graph.microsoft.com. Links to other pages are followed only
	// to this origin, because the token goes with them.
	Graph string
	// Tenant, ClientID and ClientSecret are those of the app registration in the customer's directory. They are
	// required.
	Tenant       string
	ClientID     string
	ClientSecret string
	// RootCAs verify both servers; see host.HTTPOptions.
	RootCAs *x509.CertPool

	// PollInterval is the time from one poll to the next. The default is 2 h.
	PollInterval time.Duration
	// FreshFor is the age up to which a record found by an earlier lookup of the same client answers a new one
	// without asking Graph. The default is PollInterval.
	FreshFor time.Duration
	// Timeout bounds one HTTP request. The default is 10 s.
	Timeout time.Duration
	// RetryMin is the delay before a failed lookup or poll is repeated for the first time. It doubles up to RetryMax,
	// and up to a fifth of it is added at random. The defaults are 5 s and 5 min.
	RetryMin time.Duration
	RetryMax time.Duration

	// ListReuse is how long the list of all devices counts as current when a MAC address is not in it. The default
	// is 1 min.
	ListReuse time.Duration
	// EthernetReuse is how long an Ethernet address counts as current. Lists do not contain them, so they are
	// read device by device (facts: graph-and-entra 1.3). The default is 24 h.
	EthernetReuse time.Duration
	// EthernetBudget is the number of devices whose Ethernet address is read at most for one MAC address that the list does
	// not contain. The default is 500; negative means none.
	EthernetBudget int

	// Workers is the number of lookups at the same time. The default is 4.
	Workers int
	// MaxPages bounds the pages of one list. The default is 1000, which is a million devices.
	MaxPages int
	// MaxClients bounds the clients that are remembered, and MaxDevices the records of the DDB. A new client
	// replaces the one that has not authenticated for the longest time; a new record is refused. The defaults
	// are 100,000 each.
	MaxClients int
	MaxDevices int
}

// complete fills in defaults and reports what cannot work.
func (c *Config) complete() error {
	setDefault(&c.Authority, "https://login.microsoftonline.com")
	setDefault(&c.Graph, "https://graph.microsoft.com")
	for _, address := range []*string{&c.Authority, &c.Graph} {
		u, err := url.Parse(*address)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
			return fmt.Errorf("address %q is not like https://graph.microsoft.com", *address)
		}
		*address = strings.TrimRight(*address, "/")
	}
	for _, required := range []struct{ name, value string }{
		{"tenant", c.Tenant}, {"client id", c.ClientID}, {"client secret", c.ClientSecret},
	} {
		if required.value == "" {
			return fmt.Errorf("no %s", required.name)
		}
	}
	setDefault(&c.PollInterval, 2*time.Hour)
	setDefault(&c.FreshFor, c.PollInterval)
	setDefault(&c.Timeout, 10*time.Second)
	setDefault(&c.RetryMin, 5*time.Second)
	setDefault(&c.RetryMax, max(5*time.Minute, c.RetryMin))
	setDefault(&c.ListReuse, time.Minute)
	setDefault(&c.EthernetReuse, 24*time.Hour)
	for _, d := range []time.Duration{c.PollInterval, c.FreshFor, c.Timeout, c.RetryMin, c.RetryMax, c.ListReuse, c.EthernetReuse} {
		if d < time.Millisecond {
			return fmt.Errorf("interval %v is shorter than a millisecond", d)
		}
	}
	setDefault(&c.EthernetBudget, 500)
	setDefault(&c.Workers, 4)
	setDefault(&c.MaxPages, 1000)
	setDefault(&c.MaxClients, 100_000)
	setDefault(&c.MaxDevices, 100_000)
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
