package event

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// UpgradeStatus is what has become of a commitment.
type UpgradeStatus string

// The statuses. One that is COMMITTED, APPLIED or FAILED is pending; the others are for good.
const (
	UpgradeCommitted UpgradeStatus = "COMMITTED"
	UpgradeApplied   UpgradeStatus = "APPLIED" // all of its pages are staged
	UpgradeActivated UpgradeStatus = "ACTIVATED"
	UpgradeFailed    UpgradeStatus = "FAILED"    // its last transaction was refused, and not because it was too early
	UpgradeCancelled UpgradeStatus = "CANCELLED" // or another commitment has taken its place
	UpgradeExpired   UpgradeStatus = "EXPIRED"   // it was not activated in time
)

// Pending tells whether it may still be activated.
func (s UpgradeStatus) Pending() bool {
	return s == UpgradeCommitted || s == UpgradeApplied || s == UpgradeFailed
}

// Known tells whether it is one of the statuses.
func (s UpgradeStatus) Known() bool {
	return s.Pending() || s == UpgradeActivated || s == UpgradeCancelled || s == UpgradeExpired
}

// Upgrade is a commitment of a root on one dispatcher, and what has become of it. Times are of blocks, in unix seconds; 0 before it has come to that.
type Upgrade struct {
	ChainID     uint64
	Dispatcher  common.Address
	Commit      Place       // of the event by which it was committed
	Tx          common.Hash // in which it was
	Root        common.Hash
	RoutesRoot  common.Hash // zero while it is not known, as of a root with an init call no page of which is staged
	Epoch       uint64
	Eta         uint64
	Deadline    uint64 // the last time at which it can be activated; it is not stored
	Status      UpgradeStatus
	CommittedAt uint64
	AppliedAt   uint64
	ActivatedAt uint64
	EndedAt     uint64   // when it was cancelled, replaced or expired
	GasUsed     uint64   // by its transactions, those that were refused included
	Selectors   []string // that its pages route, in order
	Settled     bool     // what logs do not tell is known of all its transactions; else the gas, the pages and the selectors are yet to be completed
}

// ID identifies an upgrade. One whose commit is in another block after a reorganisation may have another.
func (u *Upgrade) ID() string { return fmt.Sprintf("%s-%d", u.Tx, u.Commit.Index) }

// Life is what is known of one commitment, for the kind of its contract to say what has become of it.
type Life struct {
	ChainID      uint64
	Events       []Decoded     // that concern upgrades: the commit, and what follows until the next one, in their order
	Next         rollout.Block // of the next commit; zero if there is none
	Refused      []Refused     // transactions in blocks from the commit until the next one, in their order
	Transactions map[common.Hash]Transaction
	Earlier      []Page // that were staged before the commit
	Now          uint64 // the time of the newest block that is indexed
}

// Transaction is what logs do not tell of a transaction.
type Transaction struct {
	Hash    common.Hash
	Block   uint64
	GasUsed uint64
	Pages   []Page // that it has staged
}

// Page is a page of routes that is staged. It stays so, whatever becomes of the root for which it was.
type Page struct {
	Contract   common.Address `json:"contract"`
	Root       common.Hash    `json:"root"` // for which it was staged
	RoutesRoot common.Hash    `json:"routesRoot"`
	Index      int            `json:"index"`
	Of         int            `json:"of"` // how many pages the routesRoot has
	Selectors  []string       `json:"selectors"`
}

// Call is a transaction as the chain has it.
type Call struct {
	Tx      common.Hash
	Block   rollout.Block // its time is 0
	Input   []byte
	GasUsed uint64
}

// Unsettled is an upgrade some of whose transactions are not known yet.
type Unsettled struct {
	Contract Contract
	Commit   Place
	Life     Life
	Missing  []common.Hash // its transactions that are not known
}

// Upgrader is a kind of contract whose events tell of upgrades.
type Upgrader interface {
	Kind
	// Lifecycle names the event that begins an upgrade, and the others that concern one.
	Lifecycle() (begins string, others []string)
	// Upgrade says what has become of a commitment, and which transactions are its own. It is a function of the life alone.
	Upgrade(l *Life) (Upgrade, []common.Hash)
	// Staged reads which pages a transaction has staged that has logged these events. What its input does not show, as when a contract makes up the
	// calls, it does not find.
	Staged(contract common.Address, input []byte, events []Decoded) []Page
	// Window is how long after its eta a commitment can be activated, in seconds.
	Window() uint64
}
