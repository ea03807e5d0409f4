// Package relay decides where a signed transaction goes: to block builders through private relays, to a network's sequencer,
// or, where the configuration says so, to everybody.
//
// A Router has the relays of one network in an order. What it is asked to push it gives to the first that takes it; the next
// is asked when one refuses, cannot be reached, or has brought it into no block for some blocks. At each new block the caller
// pushes again, and the router does what is due: a bundle is for one block, so it is given again for the next one.
//
//	             ┌── refused, unsent, in doubt: the next relay ──┐
//	             ▼                                               │
//	push ─► record saved ─► asked ─► taken ─► late, dropped: the next relay, too ─► landed, as the caller saw on the chain
//	                          ▲        │
//	                          └────────┘ a new block
//
// What always holds:
//
//   - On a network of kind relay nothing is given to a way that is public, unless the network's configuration says so; what is
//     less private than the network is asked last, whatever was measured. That all relays fail changes nothing about that.
//   - The record that a relay is asked is saved before the transaction leaves, so that after a crash all that may have it are
//     asked, or told to cancel.
//   - No relay is believed: that a transaction is in a block the caller reads on the chain. A relay's word only brings the next
//     one forward.
//   - The bytes that are sent are those that were signed.
//   - Errors hold the name of a relay, never its URL or a credential.
package relay
