// Package house holds the tests of the rules that the whole repository keeps, and nothing else.
//
//   - Imports go down only: main → sim → {nac, fakeap, fakegraph} → internal. The three programs know each
//     other only over the wire.
//   - What runs in the virtual world takes time, tasks, sockets and randomness from host.Host: calls that
//     bypass it are banned, each with the replacement named. So are goroutines and select.
//   - No result depends on the order of a map. A loop over one sorts the keys first or what it has
//     collected afterwards, or carries a comment "order-free: why" on its line or the one above.
//   - Every package has a comment, exported names too; functions fit a screen; tests do not sleep; nothing is
//     left to be done later.
//
// A call that belongs to the real world, in the few packages of sim that connect the two, carries a comment
// "real-world: why". The programs and the ground floor cannot use it.
package house
