package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// Policy says whose approvals a plan needs, and how many.
type Policy struct {
	Approvers []common.Address `json:"approvers"` // ascending
	Required  int              `json:"required"`
	Hotfix    int              `json:"hotfix"`   // of a plan that accepts what checks found
	Pause     int              `json:"pause"`    // of a plan that pauses
	Cancel    int              `json:"cancel"`   // of a plan that takes a root back
	Others    int              `json:"others"`   // where no network is a mainnet
	ValidFor  int64            `json:"validFor"` // seconds in which a plan must be begun
	// Mainnets are chain ids, ascending, of the mainnets that the catalogue does not know: a configuration that calls one of them
	// anything else asks for less.
	Mainnets []uint64 `json:"mainnets"`
}

// NewPolicy puts approvers in order, each once.
func NewPolicy(p Policy) Policy {
	p.Approvers = slices.Clone(p.Approvers)
	slices.SortFunc(p.Approvers, common.Address.Cmp)
	p.Approvers = slices.Compact(p.Approvers)
	if p.Approvers == nil {
		p.Approvers = []common.Address{}
	}
	p.Mainnets = slices.Clone(p.Mainnets)
	slices.Sort(p.Mainnets)
	p.Mainnets = slices.Compact(p.Mainnets)
	if p.Mainnets == nil {
		p.Mainnets = []uint64{}
	}
	return p
}

// Hash is the keccak256 of a policy's canonical JSON, with its approvers in order.
func (p Policy) Hash() common.Hash {
	raw, err := json.Marshal(NewPolicy(p))
	if err == nil {
		raw, err = audit.Canonical(raw)
	}
	if err != nil {
		panic(err) // it holds addresses and small numbers
	}
	return crypto.Keccak256Hash(raw)
}

func (p *Policy) name() string {
	if p == nil {
		return nothing
	}
	return p.Hash().Hex()
}

// Mainnet is the kind of networks on which nothing is sent that no approved plan holds.
const Mainnet = "mainnet"

// Needs is how many approvals a plan needs.
func (p Policy) Needs(i Intent) int {
	if i.Action != ChangePolicy && !slices.ContainsFunc(i.Networks, func(n Network) bool { return n.Kind == Mainnet }) {
		switch i.Action { // an emergency asks for no more than it would on a mainnet
		case Pause:
			return min(p.Others, p.Pause)
		case Cancel:
			return min(p.Others, p.Cancel)
		}
		return p.Others
	}
	switch {
	case i.Action == ChangePolicy: // it may lower any of them
		return max(p.Required, p.Hotfix)
	case i.Action == Pause:
		return p.Pause
	case i.Action == Cancel:
		return p.Cancel
	case i.Hotfix:
		return p.Hotfix
	}
	return p.Required
}

// Looser says in what a policy asks for less than another one, which is in force, and is empty if in nothing.
func (p Policy) Looser(inForce Policy) []string {
	var out []string
	var added []string
	for _, a := range p.Approvers {
		if !slices.Contains(inForce.Approvers, a) {
			added = append(added, a.Hex())
		}
	}
	if len(added) > 0 {
		out = append(out, "approvers are added: "+strings.Join(added, ", "))
	}
	for _, id := range inForce.Mainnets {
		if !slices.Contains(p.Mainnets, id) {
			out = append(out, fmt.Sprintf("chain %d is no mainnet any more", id))
		}
	}
	for _, c := range []struct {
		what     string
		was, is  int64
		moreIsOK bool
	}{
		{"required", int64(inForce.Required), int64(p.Required), true},
		{"hotfix", int64(inForce.Hotfix), int64(p.Hotfix), true},
		{"pause", int64(inForce.Pause), int64(p.Pause), true},
		{"cancel", int64(inForce.Cancel), int64(p.Cancel), true},
		{"others", int64(inForce.Others), int64(p.Others), true},
		{"validFor", inForce.ValidFor, p.ValidFor, false},
	} {
		if c.is < c.was && c.moreIsOK || c.is > c.was && !c.moreIsOK {
			out = append(out, fmt.Sprintf("%s was %d, is %d", c.what, c.was, c.is))
		}
	}
	return out
}

// span is a time in words.
func span(seconds int64) string {
	if seconds%3600 == 0 {
		return fmt.Sprintf("%d hours", seconds/3600)
	}
	return (time.Duration(seconds) * time.Second).String()
}

// Lines says in words what a policy asks for.
func (p Policy) Lines() []string {
	var approvers []string
	for _, a := range p.Approvers {
		approvers = append(approvers, a.Hex())
	}
	who := strings.Join(approvers, ", ")
	if who == "" {
		who = "nobody"
	}
	return []string{
		"approvers: " + who,
		fmt.Sprintf("approvals where there is a mainnet: %d, of a hotfix %d, to pause %d, to cancel %d", p.Required, p.Hotfix, p.Pause, p.Cancel),
		fmt.Sprintf("approvals elsewhere: %d", p.Others),
		"a plan must be begun within " + span(p.ValidFor),
	}
}
