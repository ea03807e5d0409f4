package audit

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Kind says what an entry is about, and so what its body is.
type Kind string

// The kinds of entries. What is "found" was in the journal before the log was begun.
const (
	LogBegun             Kind = "log.begun"             // Begun
	HeadSigned           Kind = "head.signed"           // Head
	ManifestFound        Kind = "manifest.found"        // Manifest
	ManifestSaved        Kind = "manifest.saved"        // Manifest
	ManifestAdded        Kind = "manifest.added"        // Manifest
	RunFound             Kind = "run.found"             // Run
	RunBegun             Kind = "run.begun"             // Run
	RunEnded             Kind = "run.ended"             // RunEnd
	DecisionMade         Kind = "decision.made"         // Decision
	TransactionFound     Kind = "transaction.found"     // Transaction
	TransactionSigned    Kind = "transaction.signed"    // Transaction
	TransactionReleased  Kind = "transaction.released"  // Turn
	TransactionVoid      Kind = "transaction.void"      // Turn
	TransactionReplaced  Kind = "transaction.replaced"  // Turn
	TransactionDropped   Kind = "transaction.dropped"   // Turn
	TransactionLost      Kind = "transaction.lost"      // Turn
	TransactionConfirmed Kind = "transaction.confirmed" // Outcome
	TransactionReverted  Kind = "transaction.reverted"  // Outcome
	NoncesAdopted        Kind = "nonces.adopted"        // Adoption
	NoncesFound          Kind = "nonces.found"          // Adoption
	PlanSaved            Kind = "plan.saved"            // Plan
	PlanBegun            Kind = "plan.begun"            // PlanUse
	PlanEnded            Kind = "plan.ended"            // PlanUse
	ApprovalGiven        Kind = "approval.given"        // Approval
	ApprovalRevoked      Kind = "approval.revoked"      // Approval
	PolicySet            Kind = "policy.set"            // Policy
	LeaseTakenOver       Kind = "lease.taken"           // LeaseTaken
	ExecutionBegun       Kind = "execution.begun"       // Execution
	ExecutionReleased    Kind = "execution.released"    // Execution
	ExecutionStopped     Kind = "execution.stopped"     // Execution
	ExecutionEnded       Kind = "execution.ended"       // Execution
	ExecutionNetworkSet  Kind = "execution.network"     // ExecutionNetwork
	HealthChanged        Kind = "health.changed"        // Health
	TokenCreated         Kind = "token.created"         // Token
	TokenRevoked         Kind = "token.revoked"         // TokenRevocation
	JournalRestored      Kind = "journal.restored"      // Restored
	AlertRaised          Kind = "alert.raised"          // Alert
	AlertConfirmed       Kind = "alert.confirmed"       // Alert
	AlertEscalated       Kind = "alert.escalated"       // Alert
	AlertAcknowledged    Kind = "alert.acknowledged"    // Alert
	AlertResolved        Kind = "alert.resolved"        // Alert
	SilenceBegun         Kind = "silence.begun"         // Silence
	SilenceEnded         Kind = "silence.ended"         // SilenceEnd
	RelayAsked           Kind = "relay.asked"           // RelayAnswer
	RelayLanded          Kind = "relay.landed"          // RelayLanding
	RelayEnded           Kind = "relay.ended"           // RelayEnd
	PauseDecided         Kind = "pause.decided"         // Pause
	PauseEnded           Kind = "pause.ended"           // PauseEnd
)

var kinds = []Kind{
	LogBegun, HeadSigned, ManifestFound, ManifestSaved, ManifestAdded, RunFound, RunBegun, RunEnded, DecisionMade, TransactionFound,
	TransactionSigned, TransactionReleased, TransactionVoid, TransactionReplaced, TransactionDropped, TransactionLost, TransactionConfirmed,
	TransactionReverted, NoncesAdopted, NoncesFound, PlanSaved, PlanBegun, PlanEnded, ApprovalGiven, ApprovalRevoked, PolicySet, LeaseTakenOver, ExecutionBegun,
	ExecutionReleased, ExecutionStopped, ExecutionEnded, ExecutionNetworkSet, HealthChanged,
	TokenCreated, TokenRevoked, JournalRestored, AlertRaised, AlertConfirmed, AlertEscalated, AlertAcknowledged, AlertResolved, SilenceBegun,
	SilenceEnded, RelayAsked, RelayLanded, RelayEnded, PauseDecided, PauseEnded,
}

// Kinds are all that this program writes.
func Kinds() []Kind { return slices.Clone(kinds) }

// Is tells whether a kind is another one, or one of those whose name begins with it: transaction.signed is transaction.
func (k Kind) Is(other Kind) bool {
	return k == other || strings.HasPrefix(string(k), string(other)+".")
}

// Begun is the body of the first entry.
type Begun struct {
	Random  common.Hash `json:"random"` // so that no two logs begin alike
	Project string      `json:"project"`
	// Found is what the journal held already. Entries that say what it was come next; what happened before is not covered.
	Found *Found `json:"found,omitempty"`
}

// Found counts rows of the journal.
type Found struct {
	Manifests    int `json:"manifests"`
	Runs         int `json:"runs"`
	Transactions int `json:"transactions"`
	Nonces       int `json:"nonces"`
}

// Restored is the body of an entry of a journal that was made from a backup, and of no other. The entry before it is the last of the backup.
type Restored struct {
	Database string `json:"database"` // sqlite or postgresql, in which it is now
}

// Manifest is the body of an entry about a manifest's file.
type Manifest struct {
	Root       common.Hash `json:"root"`
	RoutesRoot common.Hash `json:"routesRoot"`
	SHA256     common.Hash `json:"sha256"` // of the file
	CreatedAt  int64       `json:"createdAt,omitempty"`
}

// Run is the body of an entry about a rollout on one network.
type Run struct {
	ID         int64          `json:"id"`
	Dispatcher common.Address `json:"dispatcher"`
	Root       common.Hash    `json:"root"`
	Manifest   common.Hash    `json:"manifest"`
	Epoch      uint64         `json:"epoch"`
	After      int64          `json:"after"` // the last transaction of the network before it
	// of what was found
	Status     string `json:"status,omitempty"`
	CreatedAt  int64  `json:"createdAt,omitempty"`
	FinishedAt int64  `json:"finishedAt,omitempty"`
}

// RunEnd is the body of an entry about the end of a rollout.
type RunEnd struct {
	ID     int64  `json:"id"`
	Status string `json:"status"` // done or abandoned
}

// Decision is the body of an entry about what a loop decided to do next on a network. One is written when it is another than
// the one before of that network and run, so a wait is one entry.
type Decision struct {
	Network string        `json:"network"`
	Task    string        `json:"task"` // deploy, rollout, pause, unpause or cancel
	Run     int64         `json:"run"`  // 0 outside a rollout
	Kind    rollout.Kind  `json:"kind"`
	Steps   []string      `json:"steps"` // what is to be sent, in words
	Reason  string        `json:"reason"`
	Until   uint64        `json:"until"` // of a wait: unix seconds of block time
	Block   rollout.Block `json:"block"` // after which the network was observed
}

// Same tells whether two decisions differ in the block alone.
func (d Decision) Same(other Decision) bool {
	return d.Network == other.Network && d.Task == other.Task && d.Run == other.Run && d.Kind == other.Kind && slices.Equal(d.Steps, other.Steps) &&
		d.Reason == other.Reason && d.Until == other.Until
}

// Transaction is the body of an entry about a transaction that was signed.
type Transaction struct {
	ID      int64          `json:"id"` // in the journal
	Signer  common.Address `json:"signer"`
	Nonce   uint64         `json:"nonce"`
	Step    string         `json:"step"` // what it is for, in words
	Hash    common.Hash    `json:"hash"`
	RawHash common.Hash    `json:"rawHash"` // keccak256 of the signed transaction; the same as Hash
	// Plan is the digest of the approved plan that holds it, if one had to.
	Plan common.Hash `json:"plan,omitzero"`
	// Replaces is the transaction of the journal whose nonce it takes.
	Replaces int64 `json:"replaces,omitempty"`
	// of what was found
	Status     string `json:"status,omitempty"`
	CreatedAt  int64  `json:"createdAt,omitempty"`
	FinishedAt int64  `json:"finishedAt,omitempty"`
	*Inclusion
}

// Turn is the body of an entry about a transaction that is about to be sent, that never will be, that another one is to replace, or
// that can never land since another one with its nonce has.
type Turn struct {
	ID   int64       `json:"id"`
	Hash common.Hash `json:"hash"`
}

// Outcome is the body of an entry about a transaction that is final.
type Outcome struct {
	ID   int64       `json:"id"`
	Hash common.Hash `json:"hash"`
	Inclusion
}

// Inclusion says where a transaction is in the chain.
type Inclusion struct {
	BlockNumber uint64      `json:"blockNumber"`
	BlockHash   common.Hash `json:"blockHash"`
	GasUsed     uint64      `json:"gasUsed"`
}

// Adoption is the body of an entry about nonces that a signer has used elsewhere, which an operator has accepted.
type Adoption struct {
	Signer    common.Address `json:"signer"`
	NextNonce uint64         `json:"nextNonce"`
	AdoptedAt int64          `json:"adoptedAt,omitempty"`
}

// LeaseTaken is the body of an entry about a process that has taken over what another one did, which had stopped.
type LeaseTaken struct {
	Name   string `json:"name"`
	Holder string `json:"holder"`
	From   string `json:"from"`
	Fence  uint64 `json:"fence"`
}

// Execution is the body of an entry about the carrying out of a plan, as it is from then on.
type Execution struct {
	Plan       common.Hash `json:"plan"`
	Status     string      `json:"status"`
	Served     bool        `json:"served"`
	Released   bool        `json:"released"`
	Reason     string      `json:"reason,omitempty"`
	By         string      `json:"by,omitempty"`
	CreatedAt  int64       `json:"createdAt,omitempty"`
	FinishedAt int64       `json:"finishedAt,omitempty"`
}

// ExecutionNetwork is the body of an entry about where the carrying out of a plan stands on a network.
type ExecutionNetwork struct {
	Plan   common.Hash `json:"plan"`
	State  string      `json:"state"`
	Reason string      `json:"reason,omitempty"`
	DoneAt uint64      `json:"doneAt,omitempty"` // block time
	By     string      `json:"by,omitempty"`
}

// Health is the body of an entry about a network that became healthy or has a problem, as it was seen after a block.
type Health struct {
	Healthy bool          `json:"healthy"`
	Problem string        `json:"problem,omitempty"`
	Block   rollout.Block `json:"block"`
	Unseen  int64         `json:"unseen,omitempty"` // when it was checked before, if that is so long ago that what was between is not known
}

// Alert is the body of an entry about an alert, as it is from then on.
type Alert struct {
	ID             int64         `json:"id"`
	Fingerprint    string        `json:"fingerprint"`
	Rule           string        `json:"rule"`
	Severity       string        `json:"severity"`
	Network        string        `json:"network,omitempty"`
	Subject        string        `json:"subject"`
	Summary        string        `json:"summary,omitempty"`
	Block          rollout.Block `json:"block,omitzero"`
	Tx             common.Hash   `json:"tx,omitzero"`
	Confirmed      bool          `json:"confirmed"`
	Level          int           `json:"level,omitempty"` // of its escalation that was told
	By             string        `json:"by,omitempty"`    // of an escalation: who was told
	AcknowledgedBy string        `json:"acknowledgedBy,omitempty"`
	Note           string        `json:"note,omitempty"` // of whoever acknowledged it
	Resolution     string        `json:"resolution,omitempty"`
	// of the row of the journal
	CreatedAt      int64 `json:"createdAt,omitempty"`
	AcknowledgedAt int64 `json:"acknowledgedAt,omitempty"`
	FinishedAt     int64 `json:"finishedAt,omitempty"`
}

// Silence is the body of an entry about alerts from which nothing is to follow for a time.
type Silence struct {
	ID      int64  `json:"id"`
	Rule    string `json:"rule"`
	Network string `json:"network,omitempty"` // all if absent
	Subject string `json:"subject,omitempty"` // a pattern; all if absent
	Until   int64  `json:"until"`
	Reason  string `json:"reason"`
	By      string `json:"by"`
	// of the row of the journal
	CreatedAt int64 `json:"createdAt,omitempty"`
	EndedAt   int64 `json:"endedAt,omitempty"`
}

// SilenceEnd is the body of an entry about a silence that ends before its time.
type SilenceEnd struct {
	ID int64  `json:"id"`
	By string `json:"by"`
}

// Plan is the body of an entry about a plan that was made here, or brought here.
type Plan struct {
	Digest    common.Hash `json:"digest"`
	Action    string      `json:"action"`
	SHA256    common.Hash `json:"sha256"` // of the file, observations included
	CreatedAt int64       `json:"createdAt,omitempty"`
}

// PlanUse is the body of an entry about a plan that is begun on a network, or that has ended there.
type PlanUse struct {
	Plan   common.Hash `json:"plan"`
	Status string      `json:"status,omitempty"` // of an end: done or abandoned
	// of the row of the journal
	CreatedAt  int64 `json:"createdAt,omitempty"`
	FinishedAt int64 `json:"finishedAt,omitempty"`
}

// Approval is the body of an entry about a signature over a plan.
type Approval struct {
	Plan      common.Hash    `json:"plan"`
	Signer    common.Address `json:"signer"`
	Signature hexutil.Bytes  `json:"signature"` // EIP-712, of the plan's typed data
	CreatedAt int64          `json:"createdAt,omitempty"`
}

// Policy is the body of an entry about an approval policy that comes into force.
type Policy struct {
	ID   int64           `json:"id"`
	Hash common.Hash     `json:"hash"`
	Body json.RawMessage `json:"policy"`
	Plan common.Hash     `json:"plan,omitzero"` // that was approved, if it is looser than the one before
	// of the row of the journal
	CreatedAt int64 `json:"createdAt,omitempty"`
}

// Token is the body of an entry about an API token that is made. Its secret is nowhere.
type Token struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	Hash      common.Hash `json:"hash"` // SHA-256 of the secret
	Scopes    []string    `json:"scopes"`
	ExpiresAt int64       `json:"expiresAt,omitempty"`
	// of the row of the journal
	CreatedAt int64 `json:"createdAt,omitempty"`
	RevokedAt int64 `json:"revokedAt,omitempty"`
}

// TokenRevocation is the body of an entry about an API token that is good no more.
type TokenRevocation struct {
	ID string `json:"id"`
}

// RelayAnswer is the body of an entry about a relay that was asked to take transactions.
type RelayAnswer struct {
	Relay        string        `json:"relay"`   // its name
	ID           string        `json:"id"`      // by which the relay knows the submission
	Hashes       []common.Hash `json:"hashes"`  // by nonce
	Outcome      string        `json:"outcome"` // taken, partial, refused, unsent or in doubt
	Head         uint64        `json:"head"`    // the newest block when it was asked
	Milliseconds int64         `json:"milliseconds"`
	Reason       string        `json:"reason,omitempty"` // why it was not taken
}

// RelayLanding is the body of an entry about a transaction that is final in a block, and was given to relays.
type RelayLanding struct {
	Relay  string      `json:"relay"` // the likely one to have brought it there
	ID     string      `json:"id"`
	Hash   common.Hash `json:"hash"`
	Block  uint64      `json:"block"`
	Blocks uint64      `json:"blocks"` // since the relay was asked, or since the next one was, too
	// GasPrice and BaseFee of the block are in wei, in decimal digits; they may be larger than a number can be.
	GasPrice string `json:"gasPrice"`
	BaseFee  string `json:"baseFee,omitempty"` // unless the network has none
	Among    int    `json:"among"`             // how many relays had it
}

// RelayEnd is the body of an entry about a relay that has not brought transactions into a block.
type RelayEnd struct {
	Relay   string        `json:"relay"`
	ID      string        `json:"id"`
	Hashes  []common.Hash `json:"hashes"`
	Outcome string        `json:"outcome"` // late, dropped, expired or cancelled
	Head    uint64        `json:"head"`
	Blocks  uint64        `json:"blocks"` // since it was asked
}

// Pause is the body of an entry about a decision to pause a dispatcher because of an alert.
type Pause struct {
	ID          int64          `json:"id"`
	Dispatcher  common.Address `json:"dispatcher"`
	Fingerprint string         `json:"fingerprint"`        // of the alert
	RaisedAt    int64          `json:"raisedAt,omitempty"` // when it was, in unix seconds
	Rule        string         `json:"rule"`
	Reason      string         `json:"reason"` // what the alert says
	Mode        string         `json:"mode"`
	DecidedAt   int64          `json:"decidedAt"`  // unix milliseconds of the clock of the database
	BlockChain  uint64         `json:"blockChain"` // the network of the block
	Block       rollout.Block  `json:"block"`      // that showed the offence
	PauseResult
}

// PauseEnd is the body of an entry about what has come of a pause that was sent.
type PauseEnd struct {
	ID int64 `json:"id"`
	PauseResult
}

// PauseResult is what has come of a pause.
type PauseResult struct {
	Outcome      string `json:"outcome"`
	Note         string `json:"note,omitempty"`         // why it is so
	Transaction  int64  `json:"transaction,omitempty"`  // in the journal
	Milliseconds int64  `json:"milliseconds,omitempty"` // from the arrival of the block until somebody had the transaction
}
