// Package reconcile keeps the authorization that is in force on the network equal to the one that the policy
// gives.
//
// Nothing here stores what is to be done. Two things are durable, elsewhere: the sessions with the
// authorization in force (package session), and what is known of the devices. Whenever something happens that a
// decision depends on (a device record changes, the policy changes, a certificate expires, the NAC restarts), the
// clients that it may touch are marked. For a marked client the policy is asked again; where the answer differs
// from what is in force, a change of authorization (CoA) is due, and it stays due until the session has been
// authorized again or is gone. A CoA that is lost, refused, or promised and not kept leaves the difference, and so
// does a crash: after the restart all clients are marked.
//
// How often that may disturb a client and its NAS is bounded: attempts are spaced by an exponential back-off, a
// client has one attempt under way at a time, and after six in an hour it has one an hour.
//
// [Engine] is the core: marks, outcomes and the time go in, attempts to make come out. [Reconciler] runs it on a
// machine.
package reconcile
