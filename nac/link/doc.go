// Package link has an administrator give the NAC access to the Intune of an organization (admin consent of the Microsoft
// identity platform; facts: graph-and-entra 4.4), and watches how the access holds.
//
// Nothing here does input or output. A [Flow] keeps the attempts that are under way:
//
//	f, err := link.New(config, random)
//	start := f.Begin(now)                   // send the administrator's browser to start.URL
//	tenant, err := f.Finish(now, rawQuery)  // with what the browser brings back to the redirect URI
//
// Each attempt has a random state, which is good once and for a limited time, so that a callback that nobody has asked
// for, or the repetition of one, does nothing. What the callback says about the tenant could be forged: whoever has it
// must get a token for that tenant and see that the token is for no other (mdm's Link does). Attempts under way are not
// kept over a restart: the administrator begins anew.
//
// A [Watch] is told of the state of the account now and then, and says what is worth an operator's attention.
package link
