// Package config reads what the network edge is to be when it runs alone: one YAML file with the RADIUS server, the
// access points and switches, and the supplicants on them, and the certificates that it names.
//
// [Load] reads all of it and reports every mistake with file, line and column. [Schema] describes the file to editors.
// Names of files are relative to the folder of the file. A small one looks like this:
//
//	server: {auth: 127.0.0.1, secret: testing123}
//	nas: {name: ap-1, kind: ap, ssid: corp}
//	supplicants:
//	  - {name: "laptop-{n}", count: 3, method: ttls-pap, identity: "user{n}", password: secret, ca: ca.pem, expect: {vlan: 750}}
package config
