// Package txsend is the only package that broadcasts transactions.
//
// Intents are sent as a sequence: simulated one on what the other leaves behind, signed with consecutive nonces, and
// journalled together before the first is sent, so that they can share a block. From its release on it is that very
// transaction that is sent again, after a crash too, until the network's confirmation rule makes its outcome final.
//
//	simulate ─► sign ─► journal ─► broadcast the first ─► release and broadcast the others ─► receipts ─► journal outcomes
//	(refused:            ▲ the first is     │ refused: the others                               │ vanishes in a
//	 nothing sent)       │ released          ▼ are made void                                    │ reorganisation
//	              a crash after this point loses nothing  ◄───────────────────────────────────┘ sent again
//
// What is signed and not released has never left this machine, so the first thing that a later run does is to make it void
// and to decide again. A sequence whose first transaction is refused, or has failed before the others were released, so
// costs nothing more. What cannot be foreseen: a transaction of somebody else that lands in the same block before the
// sequence and makes its first one revert. The others, if they depend on it, then revert too and cost their gas.
//
// Where there are relays, no transaction goes to the endpoints. All of a sequence is released before the first is given to a relay, which
// takes them as a bundle, and what is in no block is pushed at every look: relays know what they have. What is replaced they are
// asked to forget, when they have what replaces it.
package txsend
