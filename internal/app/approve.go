package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// approval is what the sender of a network asks before it signs, and before each broadcast: which of the plans that are being
// carried out there holds the transaction, and is approved by the policy in force, now.
func (a *App) approval(n *net) txsend.Approval {
	return func(ctx context.Context, from common.Address, tx *types.Transaction) (common.Hash, error) {
		policy, _, err := a.policy(ctx)
		if err != nil {
			return common.Hash{}, err
		}
		optional := n.Kind != network.Mainnet && policy.Others == 0
		if optional && (tx.To() == nil || tx.Value().Sign() != 0) {
			return common.Hash{}, nil
		}
		if tx.To() == nil || tx.Value().Sign() != 0 {
			return common.Hash{}, errors.New("no plan holds transactions that carry value, or create contracts directly")
		}
		if err := a.takeRevocations(ctx); err != nil {
			return common.Hash{}, err
		}
		begun, err := a.store.PlansBegun(ctx, n.ChainID)
		if err != nil {
			return common.Hash{}, err
		}
		why := errors.New("no plan that is being carried out there holds it")
		for _, digest := range begun {
			p, err := a.plan(ctx, digest)
			if err != nil {
				return common.Hash{}, err
			}
			part, _ := p.Intent.Network(n.ChainID)
			if part.Kind != n.Kind || !p.Holds(n.ChainID, from, *tx.To(), tx.Data()) {
				continue
			}
			tally, err := a.tally(ctx, p, policy)
			if err != nil {
				return common.Hash{}, err
			}
			if !tally.Enough() && !optional {
				why = &NotApprovedError{p.Digest, tally}
				continue
			}
			other, err := activatesOther(ctx, n, p.Intent.Dispatcher, part, tx)
			if err != nil {
				return common.Hash{}, err
			}
			if other == nil {
				return digest, nil
			}
			why = other
		}
		if optional {
			return common.Hash{}, nil
		}
		return common.Hash{}, why
	}
}

// activatesOther says why an activation is not that of a plan, nil if it is. The call is the same whatever is pending: so a plan holds it only while
// that is the plan's root, for the plan's epoch, or that has just become active.
func activatesOther(ctx context.Context, n *net, address common.Address, part plan.Network, tx *types.Transaction) (why, err error) {
	if !dispatcher.Activates(tx) {
		return nil, nil
	}
	at, err := n.chain.Head(ctx)
	if err != nil {
		return nil, err
	}
	state, err := dispatcher.ReadState(ctx, n.chain, at.Hash, address)
	if err != nil {
		return nil, err
	}
	pending := state.PendingRoot == part.Root && state.ActiveEpoch+1 == part.Epoch
	landed := state.ActiveRoot == part.Root && state.ActiveEpoch == part.Epoch
	if pending || landed {
		return nil, nil
	}
	return fmt.Errorf("the plan activates root %s in epoch %d, and what is pending for epoch %d is %s", part.Root, part.Epoch, state.ActiveEpoch+1, state.PendingRoot), nil
}

// takeRevocations takes in what has been revoked since a plan was begun to be carried out. What cannot be verified takes nothing back.
func (a *App) takeRevocations(ctx context.Context) error {
	if a.revoked == nil {
		return nil
	}
	for _, s := range a.revoked() {
		if !s.Revoked {
			continue
		}
		p, err := a.plan(ctx, s.Plan)
		if errors.Is(err, store.ErrNotFound) || err == nil && p.Verify(s) != nil {
			continue
		}
		if err != nil {
			return err
		}
		if err := a.store.SaveApproval(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// NotApprovedError says that a plan has not the approvals that it needs.
type NotApprovedError struct {
	Plan  common.Hash
	Tally plan.Tally
}

func (e *NotApprovedError) Error() string {
	text := fmt.Sprintf("plan %s has %d of the %d approvals that it needs", e.Plan, len(e.Tally.Approved), e.Tally.Needed)
	if len(e.Tally.Revoked) > 0 {
		text += fmt.Sprintf("; taken back by %s", addresses(e.Tally.Revoked))
	}
	if len(e.Tally.Others) > 0 {
		text += fmt.Sprintf("; %s are no approvers", addresses(e.Tally.Others))
	}
	return text + ": have it approved with lockstep approve"
}

func addresses(list []common.Address) string {
	var out []string
	for _, a := range list {
		out = append(out, a.Hex())
	}
	return strings.Join(out, ", ")
}

// plan returns a plan of the journal. Its digest covers it, so it is read once.
func (a *App) plan(ctx context.Context, digest common.Hash) (*plan.Plan, error) {
	a.plansMu.Lock()
	defer a.plansMu.Unlock()
	if p, ok := a.plans[digest]; ok {
		return p, nil
	}
	p, err := a.store.Plan(ctx, digest)
	if err != nil {
		return nil, err
	}
	a.plans[digest] = p
	return p, nil
}

// tally counts the approvals of a plan that the journal holds.
func (a *App) tally(ctx context.Context, p *plan.Plan, policy plan.Policy) (plan.Tally, error) {
	approvals, err := a.store.Approvals(ctx, p.Digest)
	if err != nil {
		return plan.Tally{}, err
	}
	return p.Count(policy, approvals)
}

// take keeps a plan and what was signed about it in the journal. What is not signed by whom it says is refused.
func (a *App) take(ctx context.Context, p *plan.Plan, approvals []plan.Approval) error {
	if p.Intent.Project != a.cfg.Project {
		return fmt.Errorf("the plan is of project %s, the configuration of %s", p.Intent.Project, a.cfg.Project)
	}
	for _, s := range approvals {
		if err := p.Verify(s); err != nil {
			return fmt.Errorf("approval of %s: %w", s.Signer, err)
		}
	}
	if err := a.openJournal(ctx); err != nil {
		return err
	}
	if err := a.store.SavePlan(ctx, p); err != nil {
		return err
	}
	for _, s := range approvals {
		if err := a.store.SaveApproval(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// Approvals is who has approved a plan.
type Approvals struct {
	Plan    common.Hash `json:"plan"`
	Action  string      `json:"action"`
	Expires int64       `json:"expires"` // unix seconds
	plan.Tally
	Enough bool              `json:"enough"`
	Uses   map[string]string `json:"uses"` // by network, where it was begun: begun, done or abandoned
}

// ListApprovals takes in what was signed about a plan, and counts.
func (a *App) ListApprovals(ctx context.Context, p *plan.Plan, signed []plan.Approval) (Approvals, error) {
	policy, _, err := a.policy(ctx)
	if err != nil {
		return Approvals{}, err
	}
	if err := a.take(ctx, p, signed); err != nil {
		return Approvals{}, err
	}
	tally, err := a.tally(ctx, p, policy)
	if err != nil {
		return Approvals{}, err
	}
	out := Approvals{p.Digest, p.Intent.Action, p.Intent.Expires, tally, tally.Enough(), map[string]string{}}
	for _, n := range p.Intent.Networks {
		use, err := a.store.PlanUsed(ctx, p.Digest, n.ChainID)
		if err != nil {
			return out, err
		}
		if use != store.PlanUnused {
			out.Uses[n.Name] = string(use)
		}
	}
	return out, nil
}

// Sign approves a plan with a signer of the configuration, or takes its approval back.
func (a *App) Sign(ctx context.Context, p *plan.Plan, signer string, revoke bool) (plan.Approval, error) {
	s, err := a.signer(signer)
	if err != nil {
		return plan.Approval{}, err
	}
	// what cannot count is not signed
	if err := a.maySign(ctx, p, s.Address(), revoke); err != nil {
		return plan.Approval{}, err
	}
	signature, err := s.SignTypedData(p.TypedData(revoke))
	if err != nil {
		return plan.Approval{}, fmt.Errorf("signer %s: %w", signer, err)
	}
	return a.Signed(ctx, p, signature, revoke)
}

// Signed takes in a signature that a wallet has made.
func (a *App) Signed(ctx context.Context, p *plan.Plan, signature []byte, revoke bool) (plan.Approval, error) {
	s, err := p.Recover(signature, revoke)
	if err != nil {
		return s, err
	}
	if err := a.maySign(ctx, p, s.Signer, revoke); err != nil {
		return s, err
	}
	return s, a.take(ctx, p, []plan.Approval{s})
}

// maySign refuses a signature that would not count.
func (a *App) maySign(ctx context.Context, p *plan.Plan, signer common.Address, revoke bool) error {
	policy, _, err := a.policy(ctx)
	if err != nil {
		return err
	}
	if !revoke && p.Intent.Policy != policy.Hash() {
		return fmt.Errorf("the plan was made under approval policy %s, in force is %s: make a new one", p.Intent.Policy, policy.Hash())
	}
	if err := mustNotLast(p, policy); err != nil && !revoke {
		return err
	}
	earlier, err := a.store.Approvals(ctx, p.Digest)
	if err != nil {
		return err
	}
	if !revoke && slices.ContainsFunc(earlier, func(e plan.Approval) bool { return e.Revoked && e.Signer == signer }) {
		return fmt.Errorf("%s has taken its approval of plan %s back, which is for good: make a new one", signer, p.Digest)
	}
	if slices.Contains(policy.Approvers, signer) {
		return nil
	}
	return fmt.Errorf("%s is no approver by the policy in force: the approvers are %s", signer, addresses(policy.Approvers))
}

// mustNotLast refuses a plan that could be begun for longer than the policy says.
func mustNotLast(p *plan.Plan, policy plan.Policy) error {
	if lasts := p.Intent.Expires - p.Intent.Created; lasts > policy.ValidFor {
		return fmt.Errorf("plan %s could be begun for %d s, the approval policy allows %d s: make a new one", p.Digest, lasts, policy.ValidFor)
	}
	return nil
}

// Checked is what was found of a plan when it was made again.
type Checked struct {
	Moved  []plan.Moved
	Checks []plan.Check      // that trip now, and that the plan does not allow for
	Seen   plan.Observations // now; not of networks where it was begun
	Begun  []string          // networks on which it is being carried out, or was: there it is not compared
}

// Holds tells whether the plan can be approved and carried out.
func (c Checked) Holds() bool { return len(c.Moved)+len(c.Checks) == 0 }

// Check makes a plan again, and says what is another thing now. m and file are its manifest; nil if it has none. One whose time is
// over is an ExpiredError.
func (a *App) Check(ctx context.Context, p *plan.Plan, m *manifest.Manifest, file []byte) (Checked, error) {
	out := Checked{Seen: p.Observations}
	if p.Intent.Action == plan.ChangePolicy {
		policy, _, err := a.policy(ctx)
		fresh := *p
		fresh.Intent.Project, fresh.Intent.Policy = a.cfg.Project, policy.Hash()
		out.Moved = p.MovedSince(&fresh)
		if now := time.Now().Unix(); err == nil && now > p.Intent.Expires {
			err = &ExpiredError{p.Digest, p.Intent.Expires, now}
		}
		return out, err
	}
	nets, err := a.netsOf(p)
	if err != nil {
		return out, err
	}
	a.networks = nets
	if err := a.open(ctx); err != nil {
		return out, err
	}
	unused, _, err := a.unused(ctx, p, a.networks)
	if err != nil {
		return out, err
	}
	for _, n := range nets {
		if !slices.Contains(unused, n) {
			out.Begun = append(out.Begun, n.Name)
		}
	}
	if len(unused) == 0 {
		return out, nil
	}
	if err := a.mustBeInTime(ctx, p, unused); err != nil {
		return out, err
	}
	fresh, err := a.planAgain(ctx, p, m, file, unused)
	if err != nil {
		return out, err
	}
	out.Moved, out.Checks, out.Seen = p.MovedSince(fresh), p.Intent.Refusing(fresh.Observations.Checks), fresh.Observations
	return out, nil
}

// SetPolicy puts the approval policy of a plan in force, if it is approved under the one before.
func (a *App) SetPolicy(ctx context.Context, p *plan.Plan, signed []plan.Approval) error {
	if p.Intent.Action != plan.ChangePolicy || p.Intent.NewPolicy == nil {
		return fmt.Errorf("this plan is for %s, not for a policy", p.Intent.Action)
	}
	was, _, err := a.policy(ctx)
	if err != nil {
		return err
	}
	if p.Intent.Policy != was.Hash() {
		return fmt.Errorf("the plan was made under approval policy %s, in force is %s: a plan is used once, make a new one", p.Intent.Policy, was.Hash())
	}
	if now := time.Now().Unix(); now > p.Intent.Expires {
		return &ExpiredError{p.Digest, p.Intent.Expires, now}
	}
	if err := a.take(ctx, p, signed); err != nil {
		return err
	}
	tally, err := a.tally(ctx, p, was)
	if err != nil {
		return err
	}
	if !tally.Enough() {
		return &NotApprovedError{p.Digest, tally}
	}
	// on no network: 0 stands for all
	if use, err := a.store.PlanUsed(ctx, p.Digest, 0); err != nil || use == store.PlanDone {
		return errors.Join(err, fmt.Errorf("the policy of plan %s was in force already: a plan is used once, make a new one", p.Digest))
	}
	if err := a.store.BeginPlan(ctx, p.Digest, 0); err != nil {
		return err
	}
	if err := a.store.SetPolicy(ctx, plan.NewPolicy(*p.Intent.NewPolicy), &was, p.Digest); err != nil {
		return err
	}
	return a.store.EndPlan(ctx, p.Digest, 0, store.PlanDone)
}

// ExpiredError says that a plan was not begun in its time.
type ExpiredError struct {
	Plan         common.Hash
	Expires, Now int64 // unix seconds
}

func (e *ExpiredError) Error() string {
	clock := func(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.DateTime) }
	return fmt.Sprintf("plan %s was to be begun by %s, it is %s UTC: make a new one", e.Plan, clock(e.Expires), clock(e.Now))
}

// Needed is how many approvals a plan needs by the policy in force.
func (a *App) Needed(ctx context.Context, p *plan.Plan) (int, error) {
	policy, _, err := a.policy(ctx)
	return policy.Needs(p.Intent), err
}

// ManifestOf returns the file of the manifest that a plan is for, nil if the journal does not hold it.
func (a *App) ManifestOf(ctx context.Context, p *plan.Plan) ([]byte, error) {
	if err := a.openJournal(ctx); err != nil {
		return nil, err
	}
	file, err := a.store.ManifestFile(ctx, p.Intent.Manifest.Root, p.Intent.Manifest.SHA256)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return file, err
}
