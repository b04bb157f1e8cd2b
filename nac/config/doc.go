// Package config reads the configuration of a NAC that runs alone: one YAML file, and the files that it names
// (certificates, keys, the policy, users).
//
// [Load] reads all of it and reports every mistake with file, line and column. What it returns holds the settings of
// the NAC and of its surroundings, and can say what a careful operator would want to know ([Config.Warnings]).
// [Schema] describes the file to editors. A running NAC that is to be given a changed file gets the result of a second
// Load: a file with mistakes gives an error and no configuration, so the old one stays.
//
// Names of files are relative to the folder of the file that they stand in. A small file looks like this:
//
//	clients:
//	  - {address: 10.0.0.0/8, name: campus, secret: correct-horse-battery}
//	certificate: {chain: server.pem, key: server.key}
//	client_cas: [ca.pem]
//	policy: policy.yaml
package config
