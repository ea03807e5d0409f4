package rule

import (
	"cmp"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Sight is a kind of thing that is seen.
type Sight string

// What can be seen. After each: the members of Seen that it has besides Network, ChainID, At and, of what is on a chain, Block.
const (
	// SawHead is a new head: Block.
	SawHead Sight = "head"
	// SawFinal is the newest block that is final by the network's confirmation rule: Block.
	SawFinal Sight = "final"
	// SawReorg is that blocks are no longer in the chain: Block is the last one that still is.
	SawReorg Sight = "reorg"
	// SawEffect is a privileged change of a contract: Contract, Effect, Tx, By.
	SawEffect Sight = "effect"
	// SawSlot is a word of a contract's own storage that changed, and no event that says so: Contract, Subject (what it holds), Was, Is, Endpoints (how
	// many say so), Asked (how many were asked), Required (how many must say so).
	SawSlot Sight = "slot"
	// SawCode is the code hash of an account, when it is first seen and when it is another one: Account, Part (facet, extension, holder,
	// signer or deployer), Was (what it should be: the pinned hash, or the zero hash where there should be no code), Is, Endpoints, Asked and Required
	// as of SawSlot, Subject (the contract that a facet is, if that is known), Details (to which code it is delegated). Or that it is no longer
	// watched: Account, Part, Source (Unwatched).
	SawCode Sight = "code"
	// SawRefusal is a call that a contract refused: Contract, Subject (the name of the error), Is (its fields, as JSON), Tx (zero if it was not sent), By, Source,
	// Details (Function and NeededRole, if they are known).
	SawRefusal Sight = "refusal"
	// SawPending is what is pending on a dispatcher: Contract, Subject (the root, empty if there is none), Epoch, Eta, Grace.
	SawPending Sight = "pending"
	// SawActive is what is active on a dispatcher: Contract, Subject (the routesRoot, empty before the first), Is (the root), Epoch.
	SawActive Sight = "active"
	// SawStep is a transaction of ours that is final: Contract, Subject (its step's first word), Failed, Gas, Baseline (as simulated), Published
	// (the published figure, 0 if there is none), Tx, Source (Before, if it is one of several that were final before anybody watched, and not the last).
	SawStep Sight = "step"
	// SawBalance is what an account that sends has: Account, Has and Needs, in wei.
	SawBalance Sight = "balance"
	// SawEndpoint is whether an endpoint answers: Subject (its name), Failed, Is (why).
	SawEndpoint Sight = "endpoint"
	// SawDisagreement is that endpoints have given different hashes for a height, or agree again: Subject (their names), Failed, Is (the hashes), Block.
	SawDisagreement Sight = "disagreement"
	// SawRelay is how a relay has answered: Subject (its name), Failed, Is (why).
	SawRelay Sight = "relay"
	// SawOpen is a transaction of ours that is sent and not in a block: Tx, Subject (its step), Source (its nonce: NonceOf), Since (the head when it was
	// sent). When none with its nonce is open any more, Since is 0; one that takes the place of another is not seen.
	SawOpen Sight = "open"
	// SawIndex is up to which block the index has come: Since.
	SawIndex Sight = "index"
	// SawExpected is all that is expected on a network from now on: Expected.
	SawExpected Sight = "expected"
	// SawRolling is which plan is being carried out on which networks, for what differs between them: Plan, Roots. An empty list ends it.
	SawRolling Sight = "rolling"
	// SawTick is that time has passed.
	SawTick Sight = "tick"
	// SawGone is that the block of an alert is no longer in the chain: Subject (its fingerprint).
	SawGone Sight = "gone"
	// SawAcknowledged is that somebody has taken an alert in hand: Subject (its fingerprint).
	SawAcknowledged Sight = "acknowledged"
	// SawReport is an alert from outside: Subject (what identifies it there), Source, Severity, Summary, Details, Failed (it fires).
	SawReport Sight = "report"
)

var sights = []Sight{
	SawHead, SawFinal, SawReorg, SawEffect, SawSlot, SawCode, SawRefusal, SawPending, SawActive, SawStep, SawBalance, SawEndpoint, SawDisagreement, SawRelay, SawOpen, SawIndex, SawExpected, SawRolling, SawTick, SawGone, SawAcknowledged, SawReport,
}

// Seen is one thing that was seen. Members that its Sight does not have are zero.
type Seen struct {
	Sight    Sight          `json:"sight"`
	Network  string         `json:"network,omitempty"`
	ChainID  uint64         `json:"chainId,omitempty"`
	At       int64          `json:"at"` // unix milliseconds of who watches
	Block    rollout.Block  `json:"block,omitzero"`
	Contract common.Address `json:"contract,omitzero"`
	Tx       common.Hash    `json:"tx,omitzero"`
	By       common.Address `json:"by,omitzero"`
	Account  common.Address `json:"account,omitzero"`
	Subject  string         `json:"subject,omitempty"`
	Part     string         `json:"part,omitempty"`
	Was      string         `json:"was,omitempty"`
	Is       string         `json:"is,omitempty"`
	Source   string         `json:"source,omitempty"`
	Failed   bool           `json:"failed,omitempty"`

	Effect Effect `json:"effect,omitzero"`

	Epoch     uint64   `json:"epoch,omitempty"`
	Eta       uint64   `json:"eta,omitempty"`   // unix seconds of block time
	Grace     uint64   `json:"grace,omitempty"` // seconds
	Gas       uint64   `json:"gas,omitempty"`
	Baseline  uint64   `json:"baseline,omitempty"`
	Published uint64   `json:"published,omitempty"`
	Since     uint64   `json:"since,omitempty"`
	Endpoints int      `json:"endpoints,omitempty"`
	Asked     int      `json:"asked,omitempty"`
	Required  int      `json:"required,omitempty"` // 0 is DefaultRequired
	Has       *big.Int `json:"has,omitempty"`
	Needs     *big.Int `json:"needs,omitempty"`

	Expected []Expected  `json:"expected,omitempty"`
	Plan     common.Hash `json:"plan,omitzero"`
	Roots    []string    `json:"roots,omitempty"` // routesRoots that networks may have while the plan is carried out

	Severity Severity `json:"severity,omitempty"`
	Summary  string   `json:"summary,omitempty"`
	Details  []Detail `json:"details,omitempty"`
}

// DefaultRequired is how many endpoints must say what would be grave if it were true.
const DefaultRequired = 2

// Believed tells whether as many endpoints say so as must, or all if there are fewer.
func (s Seen) Believed() bool {
	return s.Endpoints >= min(s.Asked, cmp.Or(s.Required, DefaultRequired))
}

// Effect is a privileged change of a contract, in words that events and the calls of plans have in common.
type Effect struct {
	What  string `json:"what"`  // committed, activated, cancelled, paused, unpaused, granted, revoked, grace or batch; a kind of contract may have more
	Value string `json:"value"` // to what: a root and its epoch, a role and an account, a number; empty if there is nothing to say
}

// Expected is an effect that is explained beforehand, or all effects of a transaction.
type Expected struct {
	Contract common.Address `json:"contract,omitzero"`
	Effect   Effect         `json:"effect,omitzero"`
	Tx       common.Hash    `json:"tx,omitzero"`
	By       string         `json:"by"`              // what explains it: "plan 0x12ab.."
	From     uint64         `json:"from,omitempty"`  // block time from which it does
	Until    uint64         `json:"until,omitempty"` // block time until which it does; 0 has no end
}
