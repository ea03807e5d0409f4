// Package sight looks at one network beside its logs: what watched contracts keep in their own storage, whose code is what it should be, who
// was refused, who has money left, and whether endpoints agree. What it sees is rule.Seen; what follows from it is decided elsewhere.
//
// A Sight is told each new head with the logs of the watched contracts since the one before (Look). At rest that costs one batch of requests:
// the words of storage, the code hashes and the transactions of the block. More is asked where something is out of the ordinary: every
// endpoint, if code or storage is not as it should be; the receipts of transactions to watched contracts, and how those that reverted did; the
// pages of a dispatcher when another manifest is live.
//
// What cannot be read is made up for at the next look. Logs are told once.
//
// A kind of contract is a Watch, which knows the contract's storage and events; dispatcher.Watch is one.
package sight
