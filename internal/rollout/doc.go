// Package rollout decides what the next step of a rollout is. It is pure: a decision is a function of what is desired,
// what was observed at one block, and the network's settings. It neither reads nor sends, and it keeps nothing, so a
// decision can be repeated after a crash.
//
//	            root pending          pages missing         block time < eta + grace
//	Commit ───► other root: Halt ───► Apply (each page) ──► Wait ──► Activate ───► Done
//	   ▲            │ expired                                                      (root active in its epoch)
//	   └────────────┘
//
// Whatever the chain shows that no step of this rollout explains is a Halt: another pending root, another root active
// in this epoch, code that is not the pinned code, a role that is missing.
package rollout
