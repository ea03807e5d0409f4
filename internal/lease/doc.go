// Package lease keeps leases: rights of one process to do something alone, such as to use the nonces of a signer on a network.
//
// A lease is a row of the journal with a holder, an expiry and a fencing number. It is renewed each second. It is free once it was given
// back, has expired, or is held by a process of this machine that is gone. Whoever takes it raises its fencing number.
//
//	free ─► taken, fence + 1 ─► renewed ... ─► given back ─► free
//	                              └─► not renewed for 4 s: expired ─► taken by another, fence + 1: lost
//
// That a process holds a lease is only a reason to begin. A process may be stopped and woken at any point, so what it does is safe
// because the journal compares the number in the transaction in which it writes, and the sender again before it broadcasts.
package lease
