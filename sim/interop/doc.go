// Package interop holds the tests of nacsim against programs that others wrote, and nothing else. `make interop`
// runs them; a test whose peer is not installed is skipped and says so.
//
//   - "nacsim nac", as a user runs it, faces a matrix of some six hundred configurations of eapol_test: methods, TLS
//     versions, cipher suites, fragments, certificates, passwords and identities, right and wrong, each with the
//     outcome that is due. FreeRADIUS faces the same, which holds the expectations to those that others share.
//   - The NAC, run live, authenticates wpa_supplicant's eapol_test, and answers FreeRADIUS's radclient.
//   - nacsim's access point, switch and supplicant authenticate against FreeRADIUS, account to it, and obey
//     radclient's Disconnect-Request and CoA-Request.
//   - tshark reads the captures of the whole catalogue, and of a scenario played live.
//   - wpa_supplicant behind hostapd, each in a network namespace of its own with a cable between them, is let in, accounted
//     for, thrown off and authenticated again by "nacsim nac". This needs root.
//   - fakegraph is asked by the programs in clients, which use the libraries that Microsoft makes for Go and Node.
//     What PacketFence and Cisco ISE ask is in testdata/graph and sent by net/http and by curl.
//
// Everything else happens on loopback addresses and ports that the operating system picks. Programs are started with
// files of the test's own in a temporary folder, are waited for by what they print, and are ended by their process
// ID after a bounded time.
package interop
