// Package policy decides who gets onto the network and with what authorization.
//
// A policy is an ordered list of rules over named labels, in the words of Juniper Mist's API (labels are its
// nactags, rules its nacrules; facts: mist-and-peers 1.3, 1.4). The first enabled rule whose criteria a
// [Request] satisfies decides; when none does, the request is denied. [Load] reads a policy from YAML, [Schema]
// describes the file to editors, and [Policy.Decide] evaluates it.
//
// Every [Decision] carries its explanation: which rules were tried in which order, and for each criterion the
// value that it was compared with and, for the compliance of a device, the age of that value.
//
// Decide is a pure function of the policy, the time and the request. That is what lets the NAC ask at any
// moment whether a session that is already authorized would still get the same answer. A Policy is immutable
// and safe for concurrent use.
//
// A policy file looks like this:
//
//	labels:
//	  - {name: Intune-Compliant, type: match, match: mdm_status, values: [compliant]}
//	  - {name: Corp VLAN, type: vlan, vlan: 750}
//	  - {name: Quarantine, type: vlan, vlan: 1}
//	rules:
//	  - name: Corp Compliant
//	    action: allow
//	    matching: {auth_type: eap-tls, nactags: [Intune-Compliant]}
//	    apply_tags: [Corp VLAN]
//	  - name: Everybody else
//	    action: allow
//	    matching: {auth_type: eap-tls}
//	    apply_tags: [Quarantine]
package policy
