package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"nacsim/nac/link"
)

const nacStatusHelp = `Asks a running NAC, through its HTTP API, how its linked Intune account is: which tenant, whether it works, when
all devices were last listed, what went wrong last, and when the credential of the app registration ends.

Exit codes: 0 an account is linked and works, 1 it does not, or none is linked, 2 bad input, or the NAC cannot be asked.`

const nacLinkHelp = `Begins to link an Intune account to a running NAC, and prints the address at which an administrator of the tenant
gives consent, in a browser. The browser comes back to the redirect URI of the app registration, which must lead to
the NAC's HTTP API. The address is good once, and for some minutes.

With an account linked already, consent is given again, for example after it was revoked. Another tenant is linked
only after unlinking the present one.

Exit codes: 0 the address is printed, 2 bad input, or the NAC cannot be asked or cannot be linked.`

const nacUnlinkHelp = `Takes the Intune account off a running NAC. All that is known of devices is forgotten, and what only a compliant
device may do ends. The consent itself is taken back in the portal of Entra, under Enterprise applications.

Exit codes: 0 it is done, 2 bad input, or the NAC cannot be asked or has no account.`

const nacAccountExamples = `  nacsim nac %[1]s --config lab/nac.yaml
  nacsim nac %[1]s --url https://nac.corp.example:8444 --token-file token --ca ca.pem`

// newNACAccount is one of the commands about the account of a running NAC.
func newNACAccount(use, short, help string, do func(api *nacAPIClient, w io.Writer, raw bool) error) *cobra.Command {
	flags := &nacAPIFlags{}
	raw := false
	c := &cobra.Command{
		Use:     use,
		Short:   short,
		Long:    help,
		Example: fmt.Sprintf(nacAccountExamples, use),
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := flags.open(c.CommandPath())
			if err != nil {
				return err
			}
			return do(api, c.OutOrStdout(), raw)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&flags.config, "config", "", "the configuration file of the NAC, which has the API's address and token")
	f.StringVar(&flags.url, "url", "", "the address of the API, instead of --config")
	f.StringVar(&flags.tokenFile, "token-file", "", "file with the API's token, with --url")
	f.StringVar(&flags.ca, "ca", "", "file with the CAs of the API's certificate, with --url; by default those that this computer trusts")
	f.BoolVar(&raw, "json", false, "print what the API says")
	return c
}

func newNACStatus() *cobra.Command {
	return newNACAccount("status", "Show the linked Intune account of a running NAC", nacStatusHelp, func(api *nacAPIClient, w io.Writer, raw bool) error {
		body, err := api.ask("GET", "/api/v1/account")
		if err != nil {
			return err
		}
		var a nacAccount
		if err := json.Unmarshal(body, &a); err != nil {
			return badInput("%s: %s does not answer like a NAC: %v", api.command, api.base, err)
		}
		if raw {
			_, err = w.Write(body)
		} else {
			err = a.write(w, time.Now())
		}
		if err == nil && (!a.Linked || a.Health == "unhealthy") {
			return &exitError{code: ExitFailed}
		}
		return err
	})
}

func newNACLink() *cobra.Command {
	return newNACAccount("link", "Link an Intune account to a running NAC", nacLinkHelp, func(api *nacAPIClient, w io.Writer, raw bool) error {
		body, err := api.ask("POST", "/api/v1/account/link")
		if err != nil {
			return err
		}
		var start struct {
			URL     string    `json:"authorization_url"`
			Expires time.Time `json:"expires"`
		}
		if err := json.Unmarshal(body, &start); err != nil || start.URL == "" {
			return badInput("%s: %s does not answer like a NAC", api.command, api.base)
		}
		if raw {
			_, err = w.Write(body)
			return err
		}
		_, err = fmt.Fprintf(w, "Until %s an administrator of the tenant gives consent at\n\n%s\n\n\"nacsim nac status\" then shows the account.\n",
			start.Expires.Local().Format("15:04"), start.URL)
		return err
	})
}

func newNACUnlink() *cobra.Command {
	return newNACAccount("unlink", "Take the Intune account off a running NAC", nacUnlinkHelp, func(api *nacAPIClient, w io.Writer, raw bool) error {
		body, err := api.ask("POST", "/api/v1/account/unlink")
		if err != nil {
			return err
		}
		if raw {
			_, err = w.Write(body)
			return err
		}
		_, err = fmt.Fprintln(w, "no Intune account is linked any more")
		return err
	})
}

// nacAccount is what is shown of the API's answer.
type nacAccount struct {
	Linked   bool      `json:"linked"`
	Tenant   string    `json:"tenant"`
	LinkedAt time.Time `json:"linked_at"`
	Health   string    `json:"health"`
	LastSync time.Time `json:"last_sync"`
	NextSync time.Time `json:"next_sync"`
	Error    *struct {
		Text    string    `json:"text"`
		At      time.Time `json:"at"`
		Refused bool      `json:"refused"`
	} `json:"last_error"`
	CircuitOpenUntil time.Time `json:"circuit_open_until"`
	Credential       *struct {
		Expires time.Time `json:"expires"`
		Expired bool      `json:"expired"`
	} `json:"credential"`
	Devices struct{ Listed, Records, Clients int } `json:"devices"`
}

// write shows an account, a line for each fact that there is.
func (a *nacAccount) write(w io.Writer, now time.Time) error {
	account := "none is linked"
	if a.Linked {
		account = "tenant " + a.Tenant + ", linked " + local(a.LinkedAt)
	}
	lines := [][2]string{{"account", account}, {"health", a.Health}, {"last sync", local(a.LastSync)}, {"next sync", local(a.NextSync)}}
	if e := a.Error; e != nil {
		text := local(e.At) + ": " + e.Text
		if e.Refused {
			text += "; waiting does not help"
		}
		lines = append(lines, [2]string{"last error", text})
	}
	lines = append(lines, [2]string{"not asked until", local(a.CircuitOpenUntil)})
	if c := a.Credential; c != nil {
		switch left := c.Expires.Sub(now); {
		case c.Expired:
			lines = append(lines, [2]string{"credential", "has expired"})
		default:
			lines = append(lines, [2]string{"credential", "until " + local(c.Expires) + ", " + link.DaysLeft(left) + " left"})
		}
	}
	lines = append(lines, [2]string{"devices", fmt.Sprintf("%d in Intune, %d known, %d clients", a.Devices.Listed, a.Devices.Records, a.Devices.Clients)})
	for _, l := range lines {
		if l[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-16s %s\n", l[0], printable(l[1])); err != nil {
			return err
		}
	}
	return nil
}

// local is a time for people, empty for the zero time.
func local(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
