package rollout

import "github.com/ethereum/go-ethereum/common"

// PauseMode is whether dispatchers are paused automatically.
type PauseMode string

// The modes. A dry run does everything but sign and send.
const (
	PauseOff PauseMode = "off"
	PauseDry PauseMode = "dry-run"
	PauseOn  PauseMode = "on"
)

// PauseOutcome is what has come of the decision to pause.
type PauseOutcome string

// The outcomes. All but PauseSent are the end.
const (
	PauseSent    PauseOutcome = "sent"           // its transaction is signed and in the journal, and is sent until it is final
	PauseDryRun  PauseOutcome = "dry-run"        // it would have been sent
	PauseLimited PauseOutcome = "limited"        // there were as many in the last hour as may be
	PauseRefused PauseOutcome = "refused"        // it may not be sent, or could not work
	PauseAlready PauseOutcome = "already paused" // by somebody else, before or meanwhile
	PauseLanded  PauseOutcome = "landed"         // the dispatcher is paused by it, and that is final
	PauseFailed  PauseOutcome = "failed"
)

// PauseOutcomes lists them.
func PauseOutcomes() []PauseOutcome {
	return []PauseOutcome{PauseSent, PauseDryRun, PauseLimited, PauseRefused, PauseAlready, PauseLanded, PauseFailed}
}

// PauseHour is how long a decision to pause counts, and how long it is good for, in milliseconds of the clock of the database: after it
// nothing more is sent for its sake.
const PauseHour = 3_600_000

// Pause is a decision to pause a dispatcher because of an alert, and what has come of it.
type Pause struct {
	ID          int64
	ChainID     uint64
	Dispatcher  common.Address
	Fingerprint string // of the alert
	RaisedAt    int64  // when that was raised, or raised anew, in unix seconds; 0 if it is not known. With the fingerprint it is the order, which is carried out once
	Rule        string
	Reason      string // what the alert says
	Mode        PauseMode
	DecidedAt   int64 // unix milliseconds of the clock of the database
	Age         int64 // milliseconds since then by the same clock
	// Block is the one that showed the offence; on BlockChain, which is another network if all are paused because of one.
	Block       Block
	BlockChain  uint64
	Outcome     PauseOutcome
	Note        string // why it is so, unless the outcome says all
	Transaction int64  // the entry of the journal; 0 if there is none
	// Took is how many milliseconds passed from the arrival of the block until an endpoint or a relay had the transaction; 0 if that is not known.
	Took int64
	// Known says that the order was decided before, and that this is that decision, with what has come of it since.
	Known bool
	// Of one that is sent, and read: Signer of its transaction, whether that, or one with its nonce, may still land, and Final, which has used the
	// nonce for good. It is zero as long as there is none, and if that is not in the journal.
	Signer common.Address
	Open   bool
	Final  Transaction
}
