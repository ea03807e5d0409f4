// Package rule decides what is an alert. It is pure: an Engine is told what was seen (Seen), in the order in which it was, and says which
// alerts are raised, renewed and resolved by that (Change). What is expected is seen, too: which effects approved plans have, and what this
// program was asked to do. It has no clock: the time is that of what was seen.
//
//	            seen again: renewed
//	             ┌───────┐
//	raised ──► firing ◄──┘ ──► resolved    the condition has gone, or was not seen again for the rule's window,
//	                                       or the block that showed it is no longer in the chain
//
// An alert has a fingerprint, of its rule, its network and its subject: while it fires, it is the same alert. Alarms act at the head; a
// rule that records waits for confirmed blocks.
package rule
