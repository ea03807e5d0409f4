package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// maxText bounds every text in a plan, in bytes.
const maxText = 4096

// check refuses what no plan of this program is: what points nowhere, stands twice, says one thing in one place and another
// in the next, or would not be shown as what it is.
func (p *Plan) check() error {
	for _, text := range p.texts() {
		if len(text) > maxText || strings.ContainsFunc(text, unprintable) {
			return fmt.Errorf("%.80q is too long, or holds characters that cannot be printed", text)
		}
	}
	i := &p.Intent
	if err := i.checkParts(); err != nil {
		return err
	}
	if err := i.checkCalls(); err != nil {
		return err
	}
	if len(p.Preconditions) != len(i.Networks) {
		return fmt.Errorf("it has %d networks, and preconditions of %d", len(i.Networks), len(p.Preconditions))
	}
	for at, n := range i.Networks {
		if p.Preconditions[at].Network != n.Name {
			return fmt.Errorf("the preconditions of network %.80q are of %.80q", n.Name, p.Preconditions[at].Network)
		}
		if err := i.checkNetwork(at); err != nil {
			return err
		}
	}
	return i.checkRollout()
}

// checkParts tells whether a plan has the parts that its action needs, and no others.
func (i *Intent) checkParts() error {
	if !slices.Contains(Actions(), i.Action) {
		return fmt.Errorf("action %.80q is not known", i.Action)
	}
	upgrades := slices.Contains([]string{Deploy, Rollout, Rollback}, i.Action)
	if upgrades != (i.Manifest != nil) {
		return fmt.Errorf("action %s, manifest %s: one that deploys or rolls has a manifest, and no other", i.Action, i.Manifest.name())
	}
	changes := i.Action == ChangePolicy
	if changes != (i.NewPolicy != nil) {
		return fmt.Errorf("action %s, new policy %t: one for a policy has a policy, and no other", i.Action, i.NewPolicy != nil)
	}
	if changes {
		if len(i.Networks) > 0 || len(i.Calls) > 0 {
			return errors.New("it is for a policy, and sends something")
		}
		return i.NewPolicy.check()
	}
	if len(i.Networks) == 0 {
		return errors.New("it is for no network")
	}
	return nil
}

// checkRollout tells whether the order in which networks become live is one.
func (i *Intent) checkRollout() error {
	if i.Rollout == nil {
		return nil
	}
	if i.Action != Rollout && i.Action != Rollback {
		return fmt.Errorf("action %s has no order of networks", i.Action)
	}
	kinds := map[uint64]string{}
	for _, n := range i.Networks {
		kinds[n.ChainID] = n.Kind
	}
	if err := i.Rollout.Check(kinds); err != nil {
		return fmt.Errorf("the order of networks: %w", err)
	}
	return nil
}

// checkCalls tells whether each call is sent by the account that sends for its role.
func (i *Intent) checkCalls() error {
	senders := map[rollout.Role]common.Address{}
	for _, s := range i.Senders {
		if _, ok := senders[s.Role]; ok {
			return fmt.Errorf("two accounts send for %.80q", s.Role)
		}
		senders[s.Role] = s.Address
	}
	if len(senders) == 0 && i.Action != ChangePolicy {
		return errors.New("nobody sends")
	}
	for at, c := range i.Calls {
		if from, ok := senders[c.By]; !ok || from != c.From {
			return fmt.Errorf("call %d is sent by %s for %.80q, which is not among the senders", at, c.From, c.By)
		}
	}
	return nil
}

// checkNetwork tells whether a network stands once, is of a kind, becomes what the manifest says, and makes calls that are there.
func (i *Intent) checkNetwork(at int) error {
	n := i.Networks[at]
	for _, other := range i.Networks[:at] {
		if other.ChainID == n.ChainID || other.Name == n.Name {
			return fmt.Errorf("network %.80q with chain id %d stands twice", n.Name, n.ChainID)
		}
	}
	if !slices.Contains([]string{Mainnet, "testnet", "local"}, n.Kind) {
		return fmt.Errorf("network %.80q is of kind %.80q, must be mainnet, testnet or local", n.Name, n.Kind)
	}
	roots := []common.Hash{{}}
	if i.Action == Rollout || i.Action == Rollback {
		roots = append(roots, i.Manifest.Root, i.Manifest.RoutesRoot)
	}
	if !slices.Contains(roots, n.Root) {
		return fmt.Errorf("on network %.80q root %s becomes active, which is not the manifest's", n.Name, n.Root)
	}
	for _, c := range n.Calls {
		if c < 0 || c >= len(i.Calls) {
			return fmt.Errorf("network %.80q makes call %d, there are %d", n.Name, c, len(i.Calls))
		}
	}
	return nil
}

// check refuses a policy by which nothing could be approved, that asks for less than nothing, or that can be written in two ways.
func (p *Policy) check() error {
	most := max(p.Required, p.Hotfix, p.Pause, p.Cancel, p.Others)
	switch {
	case p.Required < 1 || p.Hotfix < p.Required || min(p.Pause, p.Cancel, p.Others) < 0 || p.ValidFor < 1:
		return fmt.Errorf("the new policy asks for %d approvals, of a hotfix %d, to pause %d, to cancel %d, elsewhere %d, within %d s",
			p.Required, p.Hotfix, p.Pause, p.Cancel, p.Others, p.ValidFor)
	case most > len(p.Approvers):
		return fmt.Errorf("the new policy asks for up to %d approvals, and has %d approvers", most, len(p.Approvers))
	case !slices.Equal(p.Approvers, NewPolicy(*p).Approvers) || p.Approvers[0] == (common.Address{}):
		return errors.New("the approvers of the new policy are not in order, each once")
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// printable is a text as a plan may hold it.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) <= maxText {
		return text
	}
	const more = " ..."
	return strings.ToValidUTF8(text[:maxText-len(more)], "") + more
}

// texts are what is shown to people.
func (p *Plan) texts() []string {
	i := p.Intent
	out := []string{i.Project, i.Action}
	if i.Source != nil {
		out = append(out, i.Source.Commit)
	}
	for _, a := range i.Accepted {
		out = append(out, a.Check, a.Network, a.Subject)
	}
	for _, s := range i.Senders {
		out = append(out, string(s.Role))
	}
	for _, c := range i.Calls {
		out = append(out, c.Step, string(c.By))
	}
	for _, n := range i.Networks {
		out = append(out, n.Name, n.Kind)
	}
	if i.Rollout != nil {
		out = append(out, i.Rollout.Kind)
		for _, w := range i.Rollout.Waves {
			out = append(out, w.Name)
		}
	}
	for _, pre := range p.Preconditions {
		out = append(out, pre.Network)
		for _, f := range pre.Facts {
			out = append(out, f.What, f.Value)
		}
	}
	for _, text := range p.Observations.texts() {
		out = append(out, *text)
	}
	return out
}
