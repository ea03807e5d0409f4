package rollout

import "github.com/ethereum/go-ethereum/common"

// Role names the part that a signer plays. The signer of each is set in the configuration.
type Role string

// The roles that send transactions.
const (
	Deployer  Role = "deployer"
	Committer Role = "commit"
	Applier   Role = "apply"
	Pauser    Role = "pauser"
	Emergency Role = "emergency"
)

// Intent is a transaction that is to be sent.
type Intent struct {
	Step string // what it is for, in words: "commit 0x12ab.. for epoch 3"
	By   Role
	To   common.Address
	Data []byte
}

// Action is what a loop does next on one network: send Intents, wait, stop.
type Action struct {
	Kind Kind // Wait, Hold, Done or Halt; any other: send Intents
	// Intents are to be sent in this order, each on what the one before leaves behind. No later one needs to see the
	// earlier ones final. Of Hold: what would be sent.
	Intents []Intent
	Until   uint64 // of Wait: unix seconds of block time
	Reason  string
}
