package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// defaultPolicy is in force where the configuration names none: without mainnets nothing need be approved.
var defaultPolicy = plan.NewPolicy(plan.Policy{Required: 2, Hotfix: 3, ValidFor: 72 * 3600})

// filePolicy is the approval policy of the configuration.
func (a *App) filePolicy() (plan.Policy, error) {
	c := a.cfg.Approvals
	if c == nil {
		return defaultPolicy, nil
	}
	p := plan.Policy{
		Required: c.Required, Hotfix: c.Hotfix, Pause: c.Pause, Cancel: c.Cancel, Others: c.Others, ValidFor: int64(c.ValidFor.Seconds()),
	}
	for _, acc := range c.Approvers {
		address, err := a.account(acc)
		if err != nil {
			return p, fmt.Errorf("%s:%d: approvals.approvers: %w", a.cfg.File, c.Line, err)
		}
		p.Approvers = append(p.Approvers, address)
	}
	for _, n := range a.cfg.Networks {
		if _, known := network.LookupID(n.ChainID); !known && n.Kind == network.Mainnet {
			p.Mainnets = append(p.Mainnets, n.ChainID)
		}
	}
	p = plan.NewPolicy(p)
	if len(p.Approvers) < len(c.Approvers) {
		return p, fmt.Errorf("%s:%d: approvals.approvers names one account twice, by different names: remove one", a.cfg.File, c.Line)
	}
	return p, nil
}

// policy returns the approval policy in force, which the journal keeps. That of the configuration takes its place at once if it
// asks for no less; a looser one does nothing until a plan for it is approved: looser then says in what.
func (a *App) policy(ctx context.Context) (inForce plan.Policy, looser []string, err error) {
	file, err := a.filePolicy()
	if err != nil {
		return file, nil, err
	}
	if err := a.openJournal(ctx); err != nil {
		return file, nil, err
	}
	stored, err := a.store.Policy(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound) && a.cfg.Approvals == nil:
		return file, nil, nil
	case errors.Is(err, store.ErrNotFound):
		a.opts.Log.WarnContext(ctx, "this journal is new: it takes the approval policy of the configuration, and knows of no plan that was used or revoked")
		return file, nil, a.store.SetPolicy(ctx, file, nil, common.Hash{})
	case err != nil || stored.Hash() == file.Hash() || a.cfg.Approvals == nil:
		return stored, nil, err
	}
	if looser = file.Looser(stored); len(looser) > 0 {
		return stored, looser, nil
	}
	a.opts.Log.WarnContext(ctx, "the approval policy of the configuration asks for more, and is in force from now on", "policy", file.Hash())
	return file, nil, a.store.SetPolicy(ctx, file, &stored, common.Hash{})
}

// keepMainnets makes a mainnet again of what the policy in force knows as one, whatever the configuration calls it now.
func (a *App) keepMainnets(ctx context.Context) error {
	inForce, err := a.store.Policy(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	for _, n := range a.networks {
		if slices.Contains(inForce.Mainnets, n.ChainID) && n.Kind != network.Mainnet {
			a.opts.Log.WarnContext(ctx, "the approval policy in force knows this network as a mainnet, so it is one", "network", n.Name, "configured", n.Kind)
			n.Kind = network.Mainnet
		}
	}
	return err
}

// PolicyStatus is the approval policy in force, and the one of the configuration.
type PolicyStatus struct {
	InForce plan.Policy `json:"inForce"`
	Hash    common.Hash `json:"hash"` // of that in force
	File    plan.Policy `json:"file"` // that of the configuration
	// Looser says in what that of the configuration asks for less; then it does nothing until a plan for it is approved.
	Looser []string `json:"looser"`
}

// Policy tells which approval policy is in force.
func (a *App) Policy(ctx context.Context) (PolicyStatus, error) {
	inForce, looser, err := a.policy(ctx)
	if err != nil {
		return PolicyStatus{}, err
	}
	file, err := a.filePolicy()
	if looser == nil {
		looser = []string{}
	}
	return PolicyStatus{inForce, inForce.Hash(), file, looser}, err
}

// ownPlans are the actions for which a command makes its own plan if the policy asks nobody.
var ownPlans = []string{plan.Pause, plan.Cancel}

// mustNotNeedPlan refuses to send without a plan where one has to be approved.
func (a *App) mustNotNeedPlan(ctx context.Context, action string) error {
	policy, _, err := a.policy(ctx)
	if err != nil {
		return err
	}
	var need []string
	for _, n := range a.networks {
		needs := policy.Needs(plan.Intent{Action: action, Networks: []plan.Network{{Kind: n.Kind}}})
		if needs > 0 || n.Kind == network.Mainnet && !slices.Contains(ownPlans, action) {
			need = append(need, n.Name)
		}
	}
	if len(need) == 0 {
		return nil
	}
	return fmt.Errorf("on %s nothing is sent that no approved plan holds: make one with lockstep plan --action %s, have it approved with "+
		"lockstep approve, then lockstep %s PLAN", strings.Join(need, ", "), action, action)
}
