package rollout

import (
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// Kind of a step.
type Kind string

// What a decision can be.
const (
	Commit   Kind = "commit"
	Apply    Kind = "apply"
	Activate Kind = "activate"
	Wait     Kind = "wait"
	Done     Kind = "done"
	Halt     Kind = "halt"
	Hold     Kind = "hold" // until what is next may be done, by the policy of the plan
)

// ActivationWindow is how long after eta a commitment can be activated, in seconds; a constant of the dispatcher.
const ActivationWindow = 14 * 24 * 3600

// expiryMargin is the time before the end of the window in which nothing is activated any more, in seconds: the
// transaction could land after the end and revert.
const expiryMargin = 300

// Desired is what one rollout is to bring about on one network. It does not change while the rollout runs.
type Desired struct {
	Root  common.Hash
	Epoch uint64 // of the activation
	Pages []int  // number of routes on each page
}

// Observed is the state of a dispatcher after one block.
type Observed struct {
	Block         Block
	ActiveRoot    common.Hash
	ActiveEpoch   uint64
	PendingRoot   common.Hash // zero if none
	Eta           uint64      // unix seconds, zero if none is pending
	Grace         uint64      // seconds
	Delay         uint64      // seconds between a commit and its eta
	MaxBatch      int         // routes of a page, for a commitment made now
	PendingBatch  int         // routes of a page, for the pending commitment
	Staged        []bool      // by page
	WrongCode     []string    // contracts of the manifest whose code is not the pinned one
	WrongRoutes   []string    // once the root is active: routes that do not answer as the manifest says
	Committed     bool        // a commit of this rollout is final
	CanCommit     bool
	CanApply      bool
	Committer     common.Address // who would commit
	Applier       common.Address // who would apply and activate
	DispatcherErr string         // set if there is no such dispatcher
}

// Step is one decision.
type Step struct {
	Kind   Kind
	Page   int    // of Apply
	Until  uint64 // of Wait: unix seconds of block time
	Reason string // of Halt and Wait: what and what to do
}

func halt(format string, args ...any) Step {
	return Step{Kind: Halt, Reason: fmt.Sprintf(format, args...)}
}

// Decide returns the one next step.
func Decide(want Desired, seen Observed) Step {
	if seen.DispatcherErr != "" {
		return halt("%s: run lockstep deploy", seen.DispatcherErr)
	}
	if seen.ActiveEpoch >= want.Epoch {
		return decideActive(want, seen)
	}
	if seen.ActiveEpoch+1 != want.Epoch {
		return halt("the dispatcher is at epoch %d, this rollout is for epoch %d: was the chain reorganised or reset?",
			seen.ActiveEpoch, want.Epoch)
	}
	if len(seen.WrongCode) > 0 {
		return halt("code is missing or not the pinned one: %s; run lockstep deploy, and find out who changed it if it "+
			"was there", strings.Join(seen.WrongCode, ", "))
	}
	if seen.PendingRoot != (common.Hash{}) && seen.PendingRoot != want.Root {
		return halt("root %s is pending, which is not of this rollout: find out who committed it; lockstep cancel takes it back",
			seen.PendingRoot)
	}
	if seen.PendingRoot == (common.Hash{}) && seen.Committed {
		return halt("root %s was committed and is no longer pending: somebody took it back, or the chain was reorganised; find out why, end this rollout with "+
			"lockstep cancel, and only then roll out again", want.Root)
	}
	deadline := seen.Eta + ActivationWindow
	if seen.PendingRoot == (common.Hash{}) || seen.Block.Time > deadline {
		return decideCommit(want, seen)
	}
	for page, staged := range seen.Staged {
		if staged {
			continue
		}
		switch {
		case seen.Block.Time+expiryMargin > deadline:
			return expires(deadline)
		case want.Pages[page] > seen.PendingBatch:
			return halt("page %d has %d routes, the pending commitment allows %d: cancel, and build with a smaller pageSize "+
				"or raise maxBatchSize first", page, want.Pages[page], seen.PendingBatch)
		case !seen.CanApply:
			return halt("%s does not hold APPLY_ROLE", seen.Applier)
		}
		return Step{Kind: Apply, Page: page}
	}
	switch {
	case seen.Block.Time < seen.Eta+seen.Grace:
		return Step{Kind: Wait, Until: seen.Eta + seen.Grace, Reason: "the timelock runs"}
	case seen.Block.Time+expiryMargin > deadline:
		return expires(deadline)
	case !seen.CanApply:
		return halt("%s does not hold APPLY_ROLE", seen.Applier)
	}
	return Step{Kind: Activate}
}

func decideActive(want Desired, seen Observed) Step {
	switch {
	case seen.ActiveEpoch != want.Epoch || seen.ActiveRoot != want.Root:
		return halt("root %s became active in epoch %d, which this rollout was to use: find out who activated it; "+
			"lockstep cancel ends this rollout",
			seen.ActiveRoot, seen.ActiveEpoch)
	case seen.PendingRoot != (common.Hash{}):
		return halt("the root is active, but root %s is pending for the next epoch: roll that out, or take it back with lockstep cancel",
			seen.PendingRoot)
	case len(seen.WrongRoutes) > 0:
		return halt("the root is active, but not all routes are as the manifest says: %s", strings.Join(seen.WrongRoutes, ", "))
	case len(seen.WrongCode) > 0:
		return halt("the root is active, but code is not the pinned one: %s", strings.Join(seen.WrongCode, ", "))
	}
	return Step{Kind: Done}
}

func decideCommit(want Desired, seen Observed) Step {
	for page, routes := range want.Pages {
		if routes > seen.MaxBatch {
			return halt("page %d has %d routes, the dispatcher allows %d: build with a smaller pageSize or raise maxBatchSize",
				page, routes, seen.MaxBatch)
		}
	}
	if !seen.CanCommit {
		return halt("%s does not hold COMMIT_ROLE", seen.Committer)
	}
	return Step{Kind: Commit}
}

// expires waits for the end of a commitment that is too old to use and too young to renew.
func expires(deadline uint64) Step {
	return Step{Kind: Wait, Until: deadline + 1, Reason: "the commitment is about to expire and will be made again"}
}
