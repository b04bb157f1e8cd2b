package scenario

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// base is a scenario to which a mistake is added. Lines of the mistakes below count from the line it stands on.
const base = `title: Base
policy: policies/p.yaml
nas:
  ap-1: {kind: ap}
  sw-1: {kind: switch, ports: 4}
devices:
  laptop-1: {mac: "00:1c:b3:00:00:01"}
  laptop-2: {intune: none}
`

const baseLines = 8

// A mistake is a file with one error.
type mistake struct {
	name string
	text string // after base, or the whole file if it begins with "title" or "!"
	at   string // line:col; the line counts from the end of base, or from the start of the whole file
	want string // in the message
	// schema says that the schema refuses the file too: it is not about names, order or other files.
	schema bool
}

func (m *mistake) file() string {
	if text, whole := strings.CutPrefix(m.text, "!"); whole {
		return text
	}
	return base + m.text
}

func (m *mistake) position() string {
	if strings.HasPrefix(m.text, "!") {
		return m.at
	}
	var line, col int
	if _, err := fmt.Sscanf(m.at, "%d:%d", &line, &col); err != nil {
		panic(m.name + ": " + m.at)
	}
	return fmt.Sprintf("%d:%d", line+baseLines, col)
}

const steps = "steps:\n"

var mistakes = []mistake{
	// The file as a whole.
	{"empty", "!", "1:1", "the file is empty", false},
	{"only a comment", "!# hello\n", "1:1", "the file is empty", false},
	{"a list", "!- title: x\n", "1:1", "the scenario: want a mapping with the keys title, shows", true},
	{"a word", "!hello\n", "1:1", `the scenario: want a mapping with the keys title, shows, covers, start, seed, policy, settings, authentication, users, intune, nas, devices, network, steps, got "hello"`, true},
	{"two documents", "!title: x\n---\ntitle: y\n", "2:1", "a second YAML document begins here", false},
	{"not UTF-8", "!title: \xff\n", "1:8", "not UTF-8", false},
	{"control character", "!title: a\x01b\n", "1:9", "control character U+0001", false},
	{"tab", "!title: x\nsettings:\n\tpoll: 2h\n", "3:1", "indent with spaces", false},
	{"unclosed bracket", "!title: [x\n", "1:8", `"[" is not closed`, false},
	{"unclosed brace", "!title: x\nnas:\n  ap-1: {kind: ap\n  sw-1: {kind: switch}\n", "3:9", `"{" is not closed before line 4`, false},
	{"unclosed quote", "!title: \"x\n", "1:8", "the quotation mark is not closed", false},
	{"colon in text", "!title: one: two\n", "1:8", `quote text that contains ": "`, false},
	{"bad indentation", "!title: x\n  policy: y\n", "1:8", "cannot stand here", false},
	{"tag", "!title: !!str x\n", "1:8", `the tag "!!str"`, false},
	{"alias without anchor", "!title: *x\n", "1:8", "has no anchor &x", false},
	{"alias inside its anchor", "!title: &x [*x]\n", "1:12", "inside its own anchor", false},
	{"anchor twice", "!title: &x a\nshows: &x b\n", "2:8", "anchor &x is defined twice", false},
	{"merge of a word", steps + "  - crash: {host: nac}\n<<: x\n", "3:5", `"<<" must be given an alias`, false},
	{"complex key", "!? a\n: b\n", "1:1", "as a plain word", false},
	{"duplicate key", steps + "  - sync: {device: laptop-1}\nseed: 1\nseed: 2\n", "4:1", `duplicate key "seed"; it is already on line 11`, false},
	{"unknown key", steps + "  - sync: {device: laptop-1}\nsetings: {}\n", "3:1", `unknown key "setings"; did you mean "settings"?`, true},
	{"unknown key far from any", steps + "  - sync: {device: laptop-1}\nfoo: {}\n", "3:1", `unknown key "foo"; the keys here are title, shows`, true},
	{"no title", "!policy: policies/p.yaml\nsteps:\n  - crash: {host: nac}\n", "1:1", `the scenario lacks the key "title"`, true},
	{"no policy", "!title: x\nsteps:\n  - crash: {host: nac}\n", "1:1", `lacks the key "policy"`, true},
	{"no steps", "!title: x\npolicy: policies/p.yaml\n", "1:1", `lacks the key "steps"`, true},
	{"empty steps", "steps: []\n", "1:8", "steps: the list is empty", true},
	{"steps is nothing", "steps:\n", "1:7", "steps: want a list of steps, got nothing", true},
	{"steps is a mapping", "steps: {connect: 1}\n", "1:8", "steps: want a list of steps, got a mapping", true},
	{"blank title", "!title: ' '\npolicy: policies/p.yaml\nsteps:\n  - crash: {host: nac}\n", "1:8", "title: empty: want one line of text", true},
	{"title of two lines", "!title: |\n  a\n  b\npolicy: policies/p.yaml\nsteps:\n  - crash: {host: nac}\n", "1:8", "more than one line", true},
	{"title is a number", "!title: 5\npolicy: policies/p.yaml\nsteps:\n  - crash: {host: nac}\n", "1:8", "title: want one line of text, got 5", true},

	// Values.
	{"start without zone", steps + "  - crash: {host: nac}\nstart: 2026-01-05T08:00:00\n", "3:8", "start: want a time such as 2026-01-05T08:00:00Z", true},
	{"start that does not exist", steps + "  - crash: {host: nac}\nstart: 2026-02-30T08:00:00Z\n", "3:8", "start: want a time", false},
	{"start too early", steps + "  - crash: {host: nac}\nstart: 1999-01-01T08:00:00Z\n", "3:8", "not between the years 2000 and 2099", false},
	{"negative seed", steps + "  - crash: {host: nac}\nseed: -1\n", "3:7", "seed: want a whole number from 0 to 18446744073709551615, got -1", true},
	{"seed of words", steps + "  - crash: {host: nac}\nseed: one\n", "3:7", `seed: want a whole number from 0 to 18446744073709551615, got "one"`, true},
	{"duration without unit", steps + "  - crash: {host: nac}\nsettings: {poll: 2}\n", "3:18", "poll: 2 has no unit; write 2s, 2m or 2h", true},
	{"duration with a fraction without unit", steps + "  - crash: {host: nac}\nsettings: {poll: 2.5}\n", "3:18", "2.5 has no unit", true},
	{"duration with a strange unit", steps + "  - crash: {host: nac}\nsettings: {poll: 2 hours}\n", "3:18", `poll: want a duration such as "30s", "1h30m" or "2d", got "2 hours"`, true},
	{"negative duration", steps + "  - crash: {host: nac}\nsettings: {poll: -2h}\n", "3:18", "too short; want at least 1s", true},
	{"poll of zero", steps + "  - crash: {host: nac}\nsettings: {poll: 0s}\n", "3:18", "poll: 0s is too short; want at least 1s", true},
	{"check-in of zero", steps + "  - crash: {host: nac}\nsettings: {check_in: 0s}\n", "3:22", "want at least 1s", true},
	{"CoA timeout of zero", steps + "  - crash: {host: nac}\nsettings: {coa_timeout: 0s}\n", "3:25", "want at least 1ms", true},
	{"CoA backoff of zero", steps + "  - crash: {host: nac}\nsettings: {coa_backoff: 0m}\n", "3:25", "want at least 1ms", true},
	{"lookup retry of zero", steps + "  - crash: {host: nac}\nsettings: {lookup_retry: 0h0s}\n", "3:26", "want at least 1ms", true},
	{"max_duration of zero", steps + "  - crash: {host: nac}\nsettings: {max_duration: 0d}\n", "3:26", "want at least 1ms", true},
	{"re-authentication every millisecond", steps + "  - crash: {host: nac}\nsettings: {reauth: 1ms}\n", "3:20", "reauth: want whole seconds, got 1ms", true},
	{"interim of parts of a second", steps + "  - crash: {host: nac}\nsettings: {interim: 1.5s}\n", "3:21", "interim: want whole seconds, got 1.5s", true},
	{"poll of parts of a second", steps + "  - crash: {host: nac}\nsettings: {poll: 1500ms}\n", "3:18", "poll: want whole seconds", true},
	{"seed too large", steps + "  - crash: {host: nac}\nseed: 18446744073709551616\n", "3:7", "seed: want a whole number from 0 to 18446744073709551615, got \"18446744073709551616\"", true},
	{"seed in octal", steps + "  - crash: {host: nac}\nseed: 010\n", "3:7", "seed: want a whole number", false},
	{"days after hours", steps + "  - crash: {host: nac}\nsettings: {poll: 2h1d}\n", "3:18", "units go from the largest to the smallest", false},
	{"duration of centuries", steps + "  - crash: {host: nac}\nsettings: {poll: 999999d}\n", "3:18", "longer than 100 years", false},
	{"duration that is a list", steps + "  - crash: {host: nac}\nsettings: {poll: [2h]}\n", "3:18", "poll: want a duration", true},
	{"unknown choice", steps + "  - crash: {host: nac}\nsettings: {coa: reautenticate}\n", "3:17", `coa: unknown value "reautenticate"; want one of reauth, disconnect`, true},
	{"misspelt choice", steps + "  - crash: {host: nac}\nsettings: {coa: reath}\n", "3:17", `did you mean "reauth"?`, true},
	{"retries out of range", steps + "  - crash: {host: nac}\nsettings: {coa_retries: 21}\n", "3:25", "a whole number from 0 to 20, got 21", true},
	{"TLS 1.1", steps + "  - crash: {host: nac}\nsettings: {tls: {min: 1.1}}\n", "3:23", `min: want "1.2" or "1.3", got 1.1`, true},
	{"TLS min above max", steps + "  - crash: {host: nac}\nsettings: {tls: {min: '1.3', max: '1.2'}}\n", "3:17", "min 1.3 is above max 1.2", false},
	{"firmware of words", steps + "  - crash: {host: nac}\nsettings: {min_coa_firmware: latest}\n", "3:30", "a version such as", true},
	{"settings is a list", steps + "  - crash: {host: nac}\nsettings: [poll]\n", "3:11", "settings: want a mapping with the keys poll, check_in", true},

	// Authentication.
	{"unknown EAP method", steps + "  - crash: {host: nac}\nauthentication: {methods: [leap]}\n", "3:28", `methods: unknown value "leap"`, true},
	{"EAP method twice", steps + "  - crash: {host: nac}\nauthentication: {methods: [tls, tls]}\n", "3:33", "listed twice", true},
	{"no EAP method", steps + "  - crash: {host: nac}\nauthentication: {methods: []}\n", "3:27", "the list is empty", true},
	{"user without password", steps + "  - crash: {host: nac}\nusers: {ada: {}}\n", "3:14", `user ada lacks the key "password"`, true},
	{"user with a space", steps + "  - crash: {host: nac}\nusers: {a da: {password: x}}\n", "3:9", "want a name without spaces", true},
	{"user twice", steps + "  - crash: {host: nac}\nusers: {ada: {password: x}, ADA: {password: y}}\n", "3:29", `duplicate user "ADA"`, false},
	{"access point that falls back", "!title: x\npolicy: policies/p.yaml\nnas: {ap: {kind: ap, mab: fallback}}\nsteps:\n  - crash: {host: nac}\n", "3:27", "an access point has one kind of network", false},
	{"step about an unknown user", steps + "  - user: {name: eve, disabled: true}\n", "2:18", `name: unknown user "eve"; the scenario defines none`, false},
	{"user who does not change", steps + "  - user: {name: ada}\nusers: {ada: {password: x}}\n", "2:11", "the user does not change", true},
	{"password for a certificate", steps + "  - password: {device: laptop-1, password: x}\n", "2:15", "laptop-1 uses no password", false},
	{"revocation that nobody asks about", steps + "  - revoke: {device: laptop-1}\n", "2:13", "authentication.revocation.by is none", false},
	{"crash of a host that is not there", steps + "  - crash: {host: pki}\n", "2:19", "there is no host pki", false},
	{"device of the name of the PKI", "!title: x\npolicy: policies/p.yaml\ndevices: {pki: {}}\nsteps:\n  - crash: {host: nac}\n", "3:11", `the name "pki" is taken`, false},
	{"method without password", "!title: x\npolicy: policies/p.yaml\ndevices: {d: {supplicant: {method: ttls-pap}}}\nsteps:\n  - crash: {host: nac}\n", "3:27", "method ttls-pap needs a password", false},
	{"password without method", "!title: x\npolicy: policies/p.yaml\ndevices: {d: {supplicant: {password: y}}}\nsteps:\n  - crash: {host: nac}\n", "3:38", "password: method tls has no use for it", false},
	{"TEAP settings without TEAP", "!title: x\npolicy: policies/p.yaml\nauthentication: {teap: {machine_only: true}}\nsteps:\n  - crash: {host: nac}\n", "3:24", `teap has no effect: it is not among methods`, false},
	{"TEAP asks for nobody", "!title: x\npolicy: policies/p.yaml\nauthentication: {methods: [teap], teap: {identities: []}}\nsteps:\n  - crash: {host: nac}\n", "3:54", `identities: the list is empty`, true},
	{"TEAP password beside a method", "!title: x\npolicy: policies/p.yaml\nauthentication: {methods: [teap], teap: {inner: [password, eap-tls]}}\nsteps:\n  - crash: {host: nac}\n", "3:49", `inner: password is taken alone`, false},
	{"machine without TEAP", "!title: x\npolicy: policies/p.yaml\ndevices: {d: {supplicant: {machine: true}}}\nsteps:\n  - crash: {host: nac}\n", "3:37", `machine: only TEAP authenticates machine and user, and method is tls`, false},
	{"machine without certificate", "!title: x\npolicy: policies/p.yaml\ndevices: {d: {certificate: none, supplicant: {method: teap-tls, machine: true, no_user: true}}}\nsteps:\n  - crash: {host: nac}\n", "3:74", `machine: d has no certificate to show as a machine`, false},
	{"machine and user with one certificate", "!title: x\npolicy: policies/p.yaml\ndevices: {d: {supplicant: {method: teap-tls, machine: true}}}\nsteps:\n  - crash: {host: nac}\n", "3:55", `with method teap-tls the user would show it too`, false},
	{"nobody at all", "!title: x\npolicy: policies/p.yaml\ndevices: {d: {supplicant: {method: teap-tls, no_user: true}}}\nsteps:\n  - crash: {host: nac}\n", "3:55", `no_user: without a user it is the machine that authenticates`, false},
	{"password of nobody", "!title: x\npolicy: policies/p.yaml\ndevices: {d: {supplicant: {method: teap-gtc, machine: true, no_user: true, password: x}}}\nsteps:\n  - crash: {host: nac}\n", "3:86", `password: there is no use for it with no_user`, false},

	// Network and Intune.
	{"loss without percent sign", steps + "  - crash: {host: nac}\nnetwork: {links: [{both: [ap-1, nac], loss: 0.1}]}\n", "3:45", `loss: no percent sign: want a percentage such as "1%", got 0.1`, true},
	{"loss above 100%", steps + "  - crash: {host: nac}\nnetwork: {links: [{both: [ap-1, nac], loss: 101%}]}\n", "3:45", "more than 100%", true},
	{"link with one end", steps + "  - crash: {host: nac}\nnetwork: {links: [{from: ap-1, loss: 1%}]}\n", "3:19", "a link needs its two ends", true},
	{"link with both and from", steps + "  - crash: {host: nac}\nnetwork: {links: [{both: [ap-1, nac], from: ap-1, loss: 1%}]}\n", "3:26", "both cannot stand beside from and to", true},
	{"both of three", steps + "  - crash: {host: nac}\nnetwork: {links: [{both: [ap-1, nac, graph], loss: 1%}]}\n", "3:26", "a list of two hosts", true},
	{"link between strangers", steps + "  - crash: {host: nac}\nnetwork: {links: [{both: [ap-1, graph], loss: 1%}]}\n", "3:19", "ap-1 and graph do not talk to each other", false},
	{"link to nowhere", steps + "  - crash: {host: nac}\nnetwork: {links: [{both: [ap-2, nac], loss: 1%}]}\n", "3:27", `unknown host "ap-2"; did you mean "ap-1"?`, false},
	{"link that says nothing", steps + "  - crash: {host: nac}\nnetwork: {links: [{both: [ap-1, nac]}]}\n", "3:19", "the link says nothing", true},
	{"delay of hours", steps + "  - crash: {host: nac}\nnetwork: {delay: 2h}\n", "3:18", "too long; want at most 1h", false},
	{"requirement unknown", steps + "  - crash: {host: nac}\nintune: {compliance: {require: [antivirs]}}\n", "3:33", `did you mean "antivirus"?`, true},
	{"requirement twice", steps + "  - crash: {host: nac}\nintune: {compliance: {require: [firewall, firewall]}}\n", "3:43", `"firewall" is listed twice`, true},
	{"patch level without minimum", steps + "  - crash: {host: nac}\nintune: {compliance: {require: [patch_level]}}\n", "3:32", "patch_level needs minimum_patch_level", true},
	{"minimum without patch level", steps + "  - crash: {host: nac}\nintune: {compliance: {require: [firewall], minimum_patch_level: 2026-01-01}}\n", "3:65", "has no effect", true},
	{"page size of zero", steps + "  - crash: {host: nac}\nintune: {page_size: 0}\n", "3:21", "from 1 to 1000", true},
	{"compliance beside policies", steps + "  - crash: {host: nac}\nintune: {compliance: {}, policies: []}\n", "3:22", "compliance cannot stand beside policies", true},
	{"policy on a fact that is none", steps + "  - crash: {host: nac}\nintune: {policies: [{name: x, require: [antivirs]}]}\n", "3:41", `did you mean "antivirus"?`, true},
	{"policy without its minimum", steps + "  - crash: {host: nac}\nintune: {policies: [{name: x, require: [os_version]}]}\n", "3:21", "requires an OS version but has no minimum", false},
	{"policies of the same name", steps + "  - crash: {host: nac}\nintune: {policies: [{name: x}, {name: x}]}\n", "3:32", `two are called "x"`, false},
	{"jitter as long as the interval", "settings: {check_in: 1h}\n" + steps + "  - crash: {host: nac}\nintune: {jitter: 1h}\n", "4:18", "jitter: 1h is not less than settings.check_in, 1h", false},
	{"record with the ID of a device", steps + "  - crash: {host: nac}\nintune: {records: {a: {id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301}, b: {id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301}}}\n", "3:75", "record a and record b have the same Intune device ID", false},
	{"record with a blank in its label", steps + "  - crash: {host: nac}\nintune: {records: {a b: {}}}\n", "3:20", `name "a b": want up to 32 letters`, true},
	{"fleet of none", steps + "  - crash: {host: nac}\nintune: {fleet: {count: 0}}\n", "3:25", "from 1 to 200000", true},
	{"state that is none", steps + "  - force_state: {device: laptop-1, state: fine}\n", "2:44", `unknown value "fine"`, true},
	{"compliance becomes nothing", steps + "  - compliance: {at_once: true}\n", "2:17", "one of require, policies and restore", true},
	{"compliance becomes two things", steps + "  - compliance: {require: [tpm], restore: true}\n", "2:17", "one of require, policies and restore", true},
	{"grace of restored policies", steps + "  - compliance: {restore: true, grace: 1h}\n", "2:40", "grace belongs to require", false},
	{"threat level in the short form", steps + "  - compliance: {require: [threat_level]}\n", "2:17", "write it under policies", false},
	{"wiped while unknown", steps + "  - retire: {device: laptop-1}\n  - wipe: {device: laptop-1}\n", "3:11", "laptop-1 cannot be wiped: Intune does not know it at this point", false},
	{"boolean in quotes", steps + "  - crash: {host: nac}\nintune: {early_check_ins: 'true'}\n", "3:27", `want true or false, got "true"`, true},

	// NAS and devices.
	{"NAS of unknown kind", "!title: x\npolicy: policies/p.yaml\nnas:\n  r-1: {kind: router}\nsteps:\n  - crash: {host: r-1}\n", "4:15", `unknown value "router"; want one of ap, switch`, true},
	{"NAS without kind", "!title: x\npolicy: policies/p.yaml\nnas:\n  r-1: {ssid: x}\nsteps:\n  - crash: {host: r-1}\n", "4:8", `NAS r-1 lacks the key "kind"`, true},
	{"ports of an access point", "!title: x\npolicy: policies/p.yaml\nnas:\n  r-1: {kind: ap, ports: 4}\nsteps:\n  - crash: {host: r-1}\n", "4:26", "only a switch has that, and r-1 is of kind ap", true},
	{"firmware of a switch", "!title: x\npolicy: policies/p.yaml\nnas:\n  r-1: {kind: switch, firmware: '1'}\nsteps:\n  - crash: {host: r-1}\n", "4:33", "only an access point has that", true},
	{"NAS named nac", "!title: x\npolicy: policies/p.yaml\nnas:\n  nac: {kind: ap}\nsteps:\n  - crash: {host: nac}\n", "4:3", `the name "nac" is taken`, false},
	{"NAS with a slash", "!title: x\npolicy: policies/p.yaml\nnas:\n  a/b: {kind: ap}\nsteps:\n  - crash: {host: nac}\n", "4:3", `name "a/b": want up to 32 letters`, true},
	{"NAS is a list", "!title: x\npolicy: policies/p.yaml\nnas: [ap-1]\nsteps:\n  - crash: {host: nac}\n", "3:6", "nas: want a mapping from the name of each NAS", true},
	{"device named as a NAS", "!title: x\npolicy: policies/p.yaml\nnas:\n  x: {kind: ap}\ndevices:\n  x: {}\nsteps:\n  - crash: {host: nac}\n", "6:3", `duplicate name "x"`, false},
	{"device twice", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {}\n  x: {}\nsteps:\n  - crash: {host: nac}\n", "5:3", `duplicate key "x"; it is already on line 4`, false},
	{"device is nothing", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x:\nsteps:\n  - crash: {host: nac}\n", "4:5", "device x: want a mapping with the keys mac", true},
	{"same Intune ID", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {intune: {id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301}}\n  y: {intune: {id: 3F2504E0-4F89-41D3-9A0C-0305E82C3301}}\nsteps:\n  - crash: {host: nac}\n", "5:20", "id: x and y have the same Intune device ID, 3f2504e0-4f89-41d3-9a0c-0305e82c3301", false},
	{"same Entra ID", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {intune: {entra_id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301}}\n  y: {intune: {entra_id: 3F2504E0-4F89-41D3-9A0C-0305E82C3301}}\nsteps:\n  - crash: {host: nac}\n", "5:26", "entra_id: x and y have the same Entra device ID", false},
	{"ports in octal", "!title: x\npolicy: policies/p.yaml\nnas:\n  r-1: {kind: switch, ports: 010}\nsteps:\n  - crash: {host: r-1}\n", "4:30", "ports: not written in plain decimal: want a whole number from 1 to 256, got 010", false},
	{"ports in hexadecimal", "!title: x\npolicy: policies/p.yaml\nnas:\n  r-1: {kind: switch, ports: 0x4}\nsteps:\n  - crash: {host: r-1}\n", "4:30", "plain decimal", false},
	{"ports with an underscore", "!title: x\npolicy: policies/p.yaml\nnas:\n  r-1: {kind: switch, ports: 4_0}\nsteps:\n  - crash: {host: r-1}\n", "4:30", "plain decimal", false},
	{"SSID of a switch", "!title: x\npolicy: policies/p.yaml\nnas:\n  r-1: {kind: switch, ssid: corp}\nsteps:\n  - crash: {host: r-1}\n", "4:29", "only an access point has that", true},
	{"same MAC address", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {mac: '00:1c:b3:00:00:01'}\n  y: {mac: 00-1C-B3-00-00-01}\nsteps:\n  - crash: {host: nac}\n", "5:12", "duplicate MAC address 00:1c:b3:00:00:01: it is that of x", false},
	{"MAC address too short", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {mac: '00:1c:b3'}\nsteps:\n  - crash: {host: nac}\n", "4:12", "mac: want a MAC address in quotes", true},
	{"MAC address that YAML takes for a number", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {mac: 001122334455}\nsteps:\n  - crash: {host: nac}\n", "4:12", "a MAC address in quotes", false},
	{"group MAC address", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {mac: '01:80:c2:00:00:03'}\nsteps:\n  - crash: {host: nac}\n", "4:12", "a group address", false},
	{"GUID cut off", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {intune: {id: 3f2504e0}}\nsteps:\n  - crash: {host: nac}\n", "4:20", "id: want a GUID", true},
	{"intune is a word", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {intune: no}\nsteps:\n  - crash: {host: nac}\n", "4:15", `intune: want none, or a mapping, got "no"`, true},
	{"antivirus maybe", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {intune: {antivirus: maybe}}\nsteps:\n  - crash: {host: nac}\n", "4:27", `antivirus: want on or off, got "maybe"`, true},
	{"patch level without day", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {intune: {patch_level: 2026-01}}\nsteps:\n  - crash: {host: nac}\n", "4:29", "a date such as 2026-01-01", true},
	{"unknown variable", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {certificate: {subject: 'CN={{DevName}}'}}\nsteps:\n  - crash: {host: nac}\n", "4:30", "unknown variable {{DevName}}; there are {{DeviceName}}", false},
	{"open variable", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {certificate: {san_dns: ['{{DeviceId']}}\nsteps:\n  - crash: {host: nac}\n", "4:31", "{{ without }}", false},
	{"subject without type", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {certificate: {subject: '{{DeviceName}}'}}\nsteps:\n  - crash: {host: nac}\n", "4:30", "is not of the form TYPE=value", false},
	{"certificate that ends before it begins", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {certificate: {not_before: 1h, not_after: -1h}}\nsteps:\n  - crash: {host: nac}\n", "4:20", "expires (-1h) before it becomes valid (1h)", false},
	{"subject too long for the name", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {name: ABCDEFGHIJKLMNOPQRSTUVWXYZ, certificate: {subject: 'CN={{DeviceName}}{{DeviceName}}{{DeviceName}}'}}\nsteps:\n  - crash: {host: nac}\n", "4:54", "certificate of x cannot be issued: subject: CN has 78 characters; at most 64", false},
	{"new certificate with a name that is not ASCII", steps + "  - certificate: {device: laptop-1, san_dns: [ü]}\n", "2:18", "a certificate of laptop-1 cannot be issued: SAN DNS", false},
	{"identity too long for the name", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {supplicant: {identity: '" + strings.Repeat("{{DeviceId}}", 8) + "'}}\nsteps:\n  - crash: {host: nac}\n", "4:6", "identity: 288 octets", false},
	{"key type", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {certificate: {key: rsa}}\nsteps:\n  - crash: {host: nac}\n", "4:26", "want one of ecdsa-p256", true},
	{"trust of nobody", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {supplicant: {trust: nobody}}\nsteps:\n  - crash: {host: nac}\n", "4:27", "want one of corp, foreign", true},
	{"fragments too small", "!title: x\npolicy: policies/p.yaml\ndevices:\n  x: {supplicant: {fragment: 10}}\nsteps:\n  - crash: {host: nac}\n", "4:30", "from 100 to 4000", true},

	// Policies.
	{"policy not there", "!title: x\npolicy: policies/none.yaml\nsteps:\n  - crash: {host: nac}\n", "2:9", "there is no file policies/none.yaml (looked for dir/policies/none.yaml", false},
	{"policy of a step not there", steps + "  - policy: {file: nowhere.yaml}\n", "2:20", "there is no file nowhere.yaml", false},
	{"policy is a list", "!title: x\npolicy: [a]\nsteps:\n  - crash: {host: nac}\n", "2:9", "policy: want one line of text", true},

	// Steps.
	{"step without a verb", steps + "  - at: 5s\n", "2:5", "the step does nothing; give one of connect, disconnect", true},
	{"step with two verbs", steps + "  - sync: {device: laptop-1}\n    crash: {host: nac}\n", "3:5", "a step does one thing, and this one already does sync", true},
	{"misspelt verb", steps + "  - conect: {device: laptop-1, to: ap-1}\n", "2:5", `unknown key "conect"; did you mean "connect"?`, true},
	{"step is a word", steps + "  - connect\n", "2:5", "steps: want a mapping with the keys at, after", true},
	{"verb without content", steps + "  - connect:\n", "2:13", "connect: want a mapping with the keys device, to, got nothing", true},
	{"at and after", steps + "  - {at: 1s, after: 1s, crash: {host: nac}}\n", "2:21", "at or after, not both", true},
	{"out of order", steps + "  - {at: 10s, crash: {host: nac}}\n  - {at: 5s, restart: {host: nac}}\n", "3:10", "at: 5s is out of order: the step before this one does not end before 10s", false},
	{"out of order after a hold", steps + "  - {expect: {client: laptop-1, state: disconnected}, for: 1m}\n  - {at: 59s, restart: {host: nac}}\n", "3:10", "does not end before 1m", false},
	{"beyond max_duration", "settings: {max_duration: 1h}\n" + steps + "  - {at: 2h, crash: {host: nac}}\n", "3:5", "lasts at least 2h, longer than settings.max_duration, 1h", false},
	{"negative time", steps + "  - {at: -5s, crash: {host: nac}}\n", "2:10", "too short; want at least 0s", true},
	{"within of an action", steps + "  - {crash: {host: nac}, within: 5s}\n", "2:34", "within: only an expect takes time", true},
	{"for of an action", steps + "  - {crash: {host: nac}, for: 5s}\n", "2:31", "give the next step after: 5s", true},
	{"unknown device", steps + "  - sync: {device: laptop-3}\n", "2:20", `unknown device "laptop-3"; did you mean "laptop-1"?`, false},
	{"unknown NAS", steps + "  - connect: {device: laptop-1, to: router}\n", "2:37", `unknown NAS "router"; there are ap-1, sw-1`, false},
	{"switch without port", steps + "  - connect: {device: laptop-1, to: sw-1}\n", "2:37", "sw-1 is a switch; write the port too, from sw-1/1 to sw-1/4", false},
	{"port out of range", steps + "  - connect: {device: laptop-1, to: sw-1/5}\n", "2:37", `sw-1 has no port "5"; its ports are 1 to 4`, false},
	{"port of an access point", steps + "  - connect: {device: laptop-1, to: ap-1/1}\n", "2:37", "is an access point and has no ports; write ap-1", false},
	{"port that is taken", steps + "  - connect: {device: laptop-1, to: sw-1/1}\n  - connect: {device: laptop-2, to: sw-1/1}\n", "3:14", "sw-1/1 is taken by laptop-1 since line 10", false},
	{"disconnect without connect", steps + "  - disconnect: {device: laptop-1}\n", "2:17", "laptop-1 is not connected: no step before this one connects it", false},
	{"disconnect twice", steps + "  - connect: {device: laptop-1, to: ap-1}\n  - disconnect: {device: laptop-1}\n  - disconnect: {device: laptop-1}\n", "4:17", "it has been disconnected on line 11", false},
	{"connect without to", steps + "  - connect: {device: laptop-1}\n", "2:14", `connect lacks the key "to"`, true},
	{"posture without change", steps + "  - posture: {device: laptop-1}\n", "2:14", "the posture does not change", true},
	{"sync of an unknown device", steps + "  - sync: {device: laptop-2}\n", "2:11", "laptop-2 cannot check in: Intune does not know it", false},
	{"enrolled already", steps + "  - enroll: {device: laptop-1}\n", "2:13", "laptop-1 is enrolled already", false},
	{"crash of a host that is down", steps + "  - crash: {host: nac}\n  - crash: {host: nac}\n", "3:12", "nac cannot crash: it is down since line 10", false},
	{"sync of a device that is down", steps + "  - crash: {host: laptop-1}\n  - sync: {device: laptop-1}\n", "3:11", "laptop-1 cannot check in: it is down since line 10", false},
	{"sync with Microsoft down", steps + "  - crash: {host: graph}\n  - sync: {device: laptop-1}\n", "3:11", "graph cannot take a check-in: it is down", false},
	{"rename with Microsoft down", steps + "  - crash: {host: graph}\n  - rename: {device: laptop-1, name: X}\n", "3:13", "graph cannot rename a device: it is down", false},
	{"retire with Microsoft down", steps + "  - crash: {host: graph}\n  - retire: {device: laptop-1}\n", "3:13", "graph cannot retire a device: it is down", false},
	{"enroll with Microsoft down", steps + "  - retire: {device: laptop-1}\n  - crash: {host: graph}\n  - enroll: {device: laptop-1}\n", "4:13", "graph cannot enrol a device: it is down", false},
	{"enrolled with the ID of another", steps + "  - enroll: {device: laptop-2, id: 3F2504E0-4F89-41D3-9A0C-0305E82C3301}\n  - retire: {device: laptop-1}\n  - enroll: {device: laptop-1, id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301}\n", "4:36", "laptop-2 and laptop-1 have the same Intune device ID, 3f2504e0", false},
	{"errors of Graph with Microsoft down", steps + "  - crash: {host: graph}\n  - graph: {answer: 503}\n", "3:12", "graph cannot have a fault or another registration: it is down", false},
	{"answer of a NAS that is down", steps + "  - crash: {host: ap-1}\n  - coa_answer: {nas: ap-1, nak: 503}\n", "3:17", "ap-1 cannot be told how to answer: it is down", false},
	{"retired twice", steps + "  - retire: {device: laptop-1}\n  - retire: {device: laptop-1}\n", "3:13", "laptop-1 cannot be retired", false},
	{"enrolled in enroll", steps + "  - enroll: {device: laptop-2, enrolled: true}\n", "2:32", `unknown key "enrolled"`, true},
	{"graph says nothing", steps + "  - graph: {}\n", "2:12", "give status: down, status: up, answer: with an HTTP status", true},
	{"graph both", steps + "  - graph: {status: down, answer: 503}\n", "2:27", "answer cannot stand beside status", true},
	{"graph count without a fault", steps + "  - graph: {status: down, count: 2}\n", "2:27", "count cannot stand beside status", true},
	{"graph counts nothing", steps + "  - graph: {count: 2}\n", "2:12", "give status: down", true},
	{"graph answers 200", steps + "  - graph: {answer: 200}\n", "2:21", "from 300 to 599", true},
	{"retry_after of parts of a second", steps + "  - graph: {answer: 503, retry_after: 1500ms}\n", "2:39", "want whole seconds, got 1500ms; retry_after_as: fraction", false},
	{"a fault that is none", steps + "  - graph: {fault: next_link_lop}\n", "2:20", "did you mean \"next_link_loop\"?", true},
	{"a fault with what another takes", steps + "  - graph: {fault: reset, rows: 2}\n", "2:12", "fault reset: it takes no rows", false},
	{"a fault of the other service", steps + "  - graph: {fault: wrong_secret, service: graph}\n", "2:12", "it befalls entra, not graph", false},
	{"consent and secret", steps + "  - graph: {consent: revoked, secret: expired}\n", "2:31", "secret cannot stand beside consent", true},
	{"packet unknown", steps + "  - packet: {match: COA-Request, action: drop}\n", "2:21", `match: unknown value "COA-Request"; did you mean "CoA-Request"?`, true},
	{"packet delayed by nothing", steps + "  - packet: {match: CoA-Request, action: delay}\n", "2:13", "action delay needs delay", true},
	{"packet dropped late", steps + "  - packet: {match: CoA-Request, action: drop, delay: 1s}\n", "2:55", "a dropped packet has none", true},
	{"packet between strangers", steps + "  - packet: {from: laptop-1, to: nac, match: Access-Request, action: drop}\n", "2:13", "laptop-1 and nac do not talk to each other", false},
	{"Error-Cause unknown", steps + "  - coa_answer: {nas: ap-1, nak: 200}\n", "2:34", "nak: want one of 401, 402", true},
	{"crash of nobody", steps + "  - crash: {host: radius}\n", "2:19", `unknown host "radius"; there are nac, graph, ap-1, sw-1, laptop-1, laptop-2`, false},
	{"crash as a word", steps + "  - crash: nac\n", "2:12", `crash: want a mapping with the keys host, got "nac"`, true},

	// Expectations.
	{"expect nothing", steps + "  - expect: {client: laptop-1}\n", "2:13", "nothing is expected; give one of vlan, state", true},
	{"expect without client", steps + "  - expect: {vlan: 750}\n", "2:13", "client is missing: whose vlan?", true},
	{"expect VLAN 0", steps + "  - expect: {client: laptop-1, vlan: 0}\n", "2:38", "vlan: want a VLAN from 1 to 4094, got 0", true},
	{"expect VLAN by name", steps + "  - expect: {client: laptop-1, vlan: corp}\n", "2:38", "vlan: want a VLAN", true},
	{"expect unknown rule", steps + "  - expect: {client: laptop-1, rule: Corp Complient}\n", "2:38", `no policy of this scenario has a rule "Corp Complient"; did you mean "Corp Compliant"?`, false},
	{"expect unknown state", steps + "  - expect: {client: laptop-1, state: connected}\n", "2:39", `unknown value "connected"`, true},
	{"expect compliance in other words", steps + "  - expect: {client: laptop-1, compliance: nonCompliant}\n", "2:44", `did you mean "noncompliant"?`, true},
	{"expect two records", steps + "  - expect: {event: NAC_CLIENT_PERMIT, decision: accept}\n", "2:50", "already about a record of kind event; write two steps", true},
	{"expect unknown event", steps + "  - expect: {event: NAC_CLIENT_ALLOW}\n", "2:21", "event: unknown value", true},
	{"expect a state of a record", steps + "  - expect: {decision: accept, client: laptop-1, state: authorized}\n", "2:57", "is not a field of a record", true},
	{"expect count of a state", steps + "  - expect: {client: laptop-1, vlan: 1, count: 2}\n", "2:48", "count is for an expectation about a record", true},
	{"expect count and at_most", steps + "  - expect: {decision: accept, count: 2, at_most: 1}\n", "2:51", "cannot stand beside count", true},
	{"expect at_most of a state", steps + "  - expect: {client: laptop-1, vlan: 1, at_most: 1}\n", "2:50", "is for an expectation about a record", true},
	{"expect count and at_least", steps + "  - expect: {decision: accept, count: 2, at_least: 1}\n", "2:52", "cannot stand beside count", true},
	{"expect count and not", steps + "  - expect: {decision: accept, count: 2, not: true}\n", "2:47", "cannot stand beside count", true},
	{"expect key of a decision", steps + "  - expect: {decision: accept, key: mac}\n", "2:37", "key: a record of kind decision has none; the keys here are client, nas, rule", true},
	{"expect from of an event", steps + "  - expect: {event: NAC_CLIENT_PERMIT, from: nac}\n", "2:46", "from: a record of kind event has none", true},
	{"expect port without NAS", steps + "  - expect: {client: laptop-1, port: 3}\n", "2:38", "port needs nas", true},
	{"expect port of an access point", steps + "  - expect: {client: laptop-1, nas: ap-1, port: 1}\n", "2:49", "port: ap-1 is an access point and has no ports", false},
	{"expect port that the switch lacks", steps + "  - expect: {client: laptop-1, nas: sw-1, port: 9}\n", "2:49", "port: sw-1 has no port 9; its ports are 1 to 4", false},
	{"expect VLAN of a poll", steps + "  - expect: {poll: ok, vlan: 750, count: 0}\n", "2:30", "vlan: a record of kind poll has none; the keys here are where, count", true},
	{"expect client of a poll", steps + "  - expect: {poll: ok, client: laptop-1}\n", "2:32", "client: a record of kind poll has none", true},
	{"expect device of a token", steps + "  - expect: {record: token, device: laptop-1}\n", "2:37", "device: a record of kind token has none", true},
	{"expect VLAN of a denial", steps + "  - expect: {event: NAC_CLIENT_DENY, vlan: 750}\n", "2:44", "vlan: a record of kind event with NAC_CLIENT_DENY has none; those with NAC_CLIENT_PERMIT, ", false},
	{"expect VLAN of a rejection", steps + "  - expect: {decision: reject, vlan: 750, not: true}\n", "2:38", "those with accept do", false},
	{"expect compliance that is no status", steps + "  - expect: {decision: accept, compliance: inGracePeriod}\n", "2:44", "compliance: in a record of kind decision it is one of compliant, noncompliant, unknown, not inGracePeriod", false},
	{"expect compliance of none in a lookup", steps + "  - expect: {lookup: found, compliance: none}\n", "2:41", "not none", false},
	{"expect compliance of what was not found", steps + "  - expect: {lookup: not_found, compliance: compliant}\n", "2:45", "those with found do", false},
	{"expect rule of a CoA", steps + "  - expect: {coa: sent, rule: Corp Compliant}\n", "2:31", "rule: a record of kind coa has none", true},
	{"expect VLAN of a request", steps + "  - expect: {packet: Access-Request, vlan: 750, count: 0}\n", "2:44", "those with Access-Accept, EAP-Success do", false},
	{"expect a packet to itself", steps + "  - expect: {packet: CoA-NAK, from: laptop-1, to: laptop-1, count: 0}\n", "2:13", "laptop-1 and laptop-1 do not talk to each other", false},
	{"expect a packet of Microsoft", steps + "  - expect: {record: packet, from: graph}\n", "2:36", "no packet goes from graph; they go from an access point or switch to nac", false},
	{"expect a packet against its way", steps + "  - expect: {packet: CoA-Request, from: ap-1}\n", "2:41", "no CoA-Request goes from ap-1; they go from nac to an access point or switch", false},
	{"packet against its way", steps + "  - packet: {match: EAPOL-Start, to: laptop-1, action: drop}\n", "2:38", "no EAPOL-Start goes to laptop-1; they go from a device to an access point or switch", false},
	{"expect an unknown field", steps + "  - expect: {event: NAC_CLIENT_PERMIT, where: {nacrule_nam: x}, not: true}\n", "2:48", `where: a record of kind event has no field "nacrule_nam"; did you mean "nacrule_name"? (see "nacsim help records")`, true},
	{"expect an unknown field of a record", steps + "  - expect: {record: http, where: {code: 503}, count: 0}\n", "2:36", "its fields are actor, method, url, status", true},
	{"expect an unknown attribute", steps + "  - expect: {record: packet, where: {attributes.Tunnel-Private-Group-ID: 750}}\n", "2:38", `did you mean "attributes.Tunnel-Private-Group-Id"?`, true},
	{"expect a field of another event", steps + "  - expect: {event: NAC_CLIENT_PERMIT, where: {coa_source: x}}\n", "2:48", "those with NAC_CLIENT_COA_REAUTH, NAC_CLIENT_COA_DISCONNECT do", false},
	{"expect since of a state", steps + "  - expect: {client: laptop-1, vlan: 1, since: start}\n", "2:48", "since is for an expectation about a record", true},
	{"expect an event that the NAC has not", steps + "  - expect: {event: NAC_SERVER_CERT_VALIDATION_SUCCESS, count: 0}\n", "2:21", "unknown value", true},
	{"expect client and device", steps + "  - expect: {check_in: compliant, client: laptop-1, device: laptop-1}\n", "2:61", "device cannot stand beside client", true},
	{"expect where of a list", steps + "  - expect: {decision: accept, where: [a]}\n", "2:39", "where: want a mapping", true},
	{"expect where of nothing", steps + "  - expect: {decision: accept, where: {}}\n", "2:39", "where: want a mapping", true},
	{"expect where of a list value", steps + "  - expect: {decision: accept, where: {rule: [b]}}\n", "2:46", "where: rule: want a value, got a list", true},
	{"expect what happened to stay", steps + "  - {expect: {decision: accept}, for: 5s}\n", "2:39", "what has happened stays true", false},
	{"expect not within", steps + "  - {expect: {decision: accept, not: true}, within: 5s}\n", "2:53", "write for", false},
	{"expect since yesterday", steps + "  - expect: {decision: accept, since: yesterday}\n", "2:39", "want one of step, start", true},
	{"expect record of unknown kind", steps + "  - expect: {record: drops}\n", "2:22", `did you mean "drop"?`, true},
}

func TestMistakes(t *testing.T) {
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			_, err := parseText(m.file())
			var errs Errors
			if !errors.As(err, &errs) {
				t.Fatalf("no errors, but %v", err)
			}
			if len(errs) != 1 {
				t.Fatalf("one mistake gives %d errors:\n%v", len(errs), err)
			}
			e := errs[0]
			if got := fmt.Sprintf("%d:%d", e.Line, e.Col); got != m.position() || e.File != "dir/test.yaml" {
				t.Errorf("it is at %s:%s, want %s\n%v", e.File, got, m.position(), err)
			}
			if !strings.Contains(e.Msg, m.want) {
				t.Errorf("got  %s\nwant %s", e.Msg, m.want)
			}
			if strings.ContainsAny(e.Msg, "\n\r") {
				t.Errorf("the message has several lines: %q", e.Msg)
			}
		})
	}
}

func TestNamesOfBrokenDefinitionsAreKnown(t *testing.T) {
	_, err := parseText("title: x\npolicy: policies/p.yaml\nnas: {ap-1: {kind: app}}\ndevices: [laptop-1]\nsteps:\n" +
		"  - connect: {device: laptop-1, to: ap-1}\n  - crash: {host: ap-1}\n  - sync: {device: laptop-9}\n")
	var errs Errors
	if !errors.As(err, &errs) || len(errs) != 2 {
		t.Errorf("a broken NAS and a broken list of devices must be the only errors, got\n%v", err)
	}
}

func TestAllErrorsAreReportedInOrder(t *testing.T) {
	_, err := parseText("bogus: 1\n" + base + steps + "  - sync: {device: nobody}\n  - at: x\nseed: -1\n")
	var errs Errors
	if !errors.As(err, &errs) {
		t.Fatal(err)
	}
	var lines []int
	for _, e := range errs {
		lines = append(lines, e.Line)
	}
	if fmt.Sprint(lines) != "[1 11 12 12 13]" {
		t.Errorf("errors are on lines %v, want 1, 11, 12 (twice), 13:\n%v", lines, err)
	}
}

func TestErrorsAreLimited(t *testing.T) {
	_, err := parseText(base + steps + strings.Repeat("  - sync: {device: nobody}\n", 50))
	var errs Errors
	if !errors.As(err, &errs) || len(errs) != MaxErrors {
		t.Errorf("%d errors, want %d", len(errs), MaxErrors)
	}
}

func TestErrorsOfPoliciesKeepTheirPlace(t *testing.T) {
	_, err := parseText("title: x\npolicy: policies/broken.yaml\nsteps:\n  - {expect: {client: nobody, rule: x}}\n")
	var errs Errors
	if !errors.As(err, &errs) || len(errs) < 2 {
		t.Fatalf("got %v", err)
	}
	if errs[0].File != "dir/test.yaml" || errs[0].Line != 4 {
		t.Errorf("the scenario's own error is not first:\n%v", err)
	}
	if e := errs[1]; !strings.HasSuffix(e.File, "broken.yaml") || e.Line != 2 || e.Source == "" {
		t.Errorf("the policy's error has lost its place:\n%v", err)
	}
	if strings.Contains(err.Error(), "no policy of this scenario") {
		t.Errorf("rules of a policy that cannot be read are reported as unknown:\n%v", err)
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	deep := ""
	for i := range 60 {
		deep += strings.Repeat(" ", i) + "a:\n"
	}
	for _, c := range []struct{ name, text, want string }{
		{"alias bomb", bomb.String(), "more than 200000 values"},
		{"brackets", "title: " + strings.Repeat("[", 5000), "octets; at most 4096"},
		{"brackets over lines", "title: " + strings.Repeat("[\n", 5000), "more than 200 brackets"},
		{"list in list in one line", strings.Repeat("- ", 2000) + "x", "nested more than 32 levels"},
		{"indentation", deep, "nested more than 32 levels"},
		{"long line", "title: " + strings.Repeat("x", 5000), "at most 4096"},
		{"many keys", numbered(7000, "k%d: 1\n"), "more than 6000 lines follow one another"},
		{"many steps", base + steps + strings.Repeat("- {crash: {host: nac}}\n", MaxSteps+1), "at most 10000 are allowed"},
		{"many NAS", "title: x\npolicy: policies/p.yaml\nnas:\n" + numbered(MaxNAS+1, "  n%d: {kind: ap}\n") + "steps: [{crash: {host: nac}}]\n", "at most 250 are allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parseText(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %.300v, want an error about %q", err, c.want)
			}
		})
	}
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestDetail(t *testing.T) {
	for _, c := range []struct {
		name string
		err  Error
		want string
	}{
		{"plain", Error{Pos{"f", 1, 6}, "bad", "key: value", 5}, "f:1:6: bad\n    key: value\n         ^^^^^"},
		{"wide characters before", Error{Pos{"f", 1, 4}, "bad", "äöü: x", 1}, "f:1:4: bad\n    äöü: x\n       ^"},
		{"tab before", Error{Pos{"f", 1, 2}, "bad", "\tx", 1}, "f:1:2: bad\n    \tx\n    \t^"},
		{"column beyond the line", Error{Pos{"f", 1, 99}, "bad", "abc", 7}, "f:1:99: bad\n    abc\n       ^"},
		{"width beyond the line", Error{Pos{"f", 1, 2}, "bad", "abc", 99}, "f:1:2: bad\n    abc\n     ^^"},
		{"escape sequence", Error{Pos{"f", 1, 1}, "bad", "\x1b[31mred", 1}, "f:1:1: bad\n    ·[31mred\n    ^"},
		{"blank line", Error{Pos{"f", 1, 1}, "bad", "  ", 1}, "f:1:1: bad"},
	} {
		if got := c.err.Detail(); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	long := Error{Pos{"f", 1, 300}, "bad", strings.Repeat("a", 299) + "B" + strings.Repeat("c", 299), 1}
	lines := strings.Split(long.Detail(), "\n")
	if len(lines[1]) != 4+excerptWidth || lines[1][len(lines[2])-1] != 'B' {
		t.Errorf("a long line is not cut around the mistake:\n%s", long.Detail())
	}
}
