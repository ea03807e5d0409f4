package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// pausing is a plan that pauses on two networks. The number makes it another one.
func pausing(t testing.TB, number int64) *plan.Plan {
	t.Helper()
	p := &plan.Plan{
		Intent: plan.Intent{
			Project: "market", Action: plan.Pause, Created: number, Expires: number + 3600, Dispatcher: dispatcher, Policy: common.Hash{0x90},
			Accepted: []plan.Accepted{}, Senders: []plan.Sender{{Role: rollout.Pauser, Address: signer}},
			Calls: []plan.Call{{Step: "pause", By: rollout.Pauser, From: signer, To: dispatcher, Data: []byte{1}}},
			Networks: []plan.Network{
				{Name: "base", ChainID: chainID, Kind: "mainnet", Calls: []int{0}}, {Name: "op", ChainID: 10, Kind: "mainnet", Calls: []int{0}},
			},
		},
		Preconditions: []plan.Preconditions{{Network: "base", Facts: []plan.Fact{{What: "paused", Value: "false"}}}, {Network: "op", Facts: []plan.Fact{}}},
		Observations: plan.Observations{
			Tool: "test", Networks: []plan.Observation{}, Checks: []plan.Check{}, Routes: []plan.RouteChanges{},
		},
	}
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	return p
}

func savePlan(t testing.TB, s *Store, number int64) *plan.Plan {
	t.Helper()
	p := pausing(t, number)
	if err := s.SavePlan(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

func signed(p *plan.Plan, by byte, revoked bool) plan.Approval {
	return plan.Approval{Plan: p.Digest, Signer: common.Address{by}, Signature: slices.Repeat([]byte{by}, 65), Revoked: revoked}
}

var firstPolicy = plan.NewPolicy(plan.Policy{Approvers: []common.Address{{2}, {1}}, Required: 1, Hotfix: 2, ValidFor: 3600})

// planStory does to a journal whatever can be done about plans, and returns the digests of the plans.
func planStory(t testing.TB, s *Store) (digests []common.Hash) {
	t.Helper()
	ctx := t.Context()
	for _, p := range []*plan.Plan{savePlan(t, s, 1), savePlan(t, s, 2), savePlan(t, s, 3)} {
		digests = append(digests, p.Digest)
	}
	p := pausing(t, 1)
	second := firstPolicy
	second.Required = 2
	looser := second
	looser.Approvers = []common.Address{{1}, {2}, {3}}
	for i, err := range []error{
		s.SetPolicy(ctx, firstPolicy, nil, common.Hash{}),
		s.SaveApproval(ctx, signed(p, 1, false)), s.SaveApproval(ctx, signed(p, 2, false)), s.SaveApproval(ctx, signed(p, 2, true)),
		s.SetPolicy(ctx, second, &firstPolicy, common.Hash{}), s.SetPolicy(ctx, looser, &second, digests[2]),
		s.BeginPlan(ctx, digests[0], chainID), s.BeginPlan(ctx, digests[0], 10), s.BeginPlan(ctx, digests[1], chainID), s.BeginPlan(ctx, digests[2], 10),
		s.EndPlan(ctx, digests[0], chainID, PlanDone), s.EndPlan(ctx, digests[1], chainID, PlanAbandoned),
	} {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	held, free := transaction(0), transaction(1)
	held.Plan = digests[0]
	if _, err := s.Add(ctx, []rollout.Transaction{held, free}, rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	return digests
}

var planStoryKinds = []audit.Kind{
	audit.LogBegun, audit.PlanSaved, audit.PlanSaved, audit.PlanSaved, audit.PolicySet, audit.ApprovalGiven, audit.ApprovalGiven, audit.ApprovalRevoked,
	audit.PolicySet, audit.PolicySet, audit.PlanBegun, audit.PlanBegun, audit.PlanBegun, audit.PlanBegun, audit.PlanEnded, audit.PlanEnded,
	audit.TransactionSigned, audit.TransactionSigned, audit.TransactionReleased,
}

func TestSavePlan(t *testing.T) { onEach(t, testSavePlan) }

func testSavePlan(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	p := savePlan(t, s, 1)
	got, err := s.Plan(ctx, p.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// again, with other observations: the first file is kept
	again := pausing(t, 1)
	again.Observations.Tool = "another"
	if err := s.SavePlan(ctx, again); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Plan(ctx, p.Digest); err != nil || got.Observations.Tool != "test" {
		t.Errorf("%+v, %v", got, err)
	}
	if n := mustBeSound(t, s); n != 2 {
		t.Errorf("%d entries: %v", n, kinds(log(t, s)))
	}
	if _, err := s.Plan(ctx, common.Hash{9}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a plan that is not there: %v", err)
	}
}

// TestStoredPlanIsDigestedAgain: what a plan in the journal says is what its digest says, or it is not used.
func TestStoredPlanIsDigestedAgain(t *testing.T) { onEach(t, testStoredPlanIsDigestedAgain) }

func testStoredPlanIsDigestedAgain(t *testing.T, on *database) {
	for name, c := range map[string]struct{ statement, want string }{
		"its time":      {`UPDATE plans SET body = CAST(replace(body, '"created": 1,', '"created": 2,') AS BLOB)`, "it was changed after it was made"},
		"its name":      {`UPDATE plans SET digest = '0x` + strings.Repeat("77", 32) + `'`, "it has digest"},
		"cut":           {`UPDATE plans SET body = substr(body, 1, 100)`, "not a plan"},
		"a member more": {`UPDATE plans SET body = CAST(replace(body, '"created": 1,', '"created": 1, "CREATED": 1,') AS BLOB)`, "not a plan"},
	} {
		s, ctx := on.fresh(t), t.Context()
		p := savePlan(t, s, 1)
		res, err := s.db.ExecContext(ctx, on.sql(c.statement))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		digest := p.Digest
		if name == "its name" {
			digest = common.HexToHash(strings.Repeat("77", 32))
		}
		if got, err := s.Plan(ctx, digest); err == nil || got != nil || !strings.Contains(err.Error(), "not sound") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v; want %s", name, got, err, c.want)
		}
	}
}

// TestPlanIsUsedOnce: it is begun, gone on with, and ended on each network, and never again.
func TestPlanIsUsedOnce(t *testing.T) { onEach(t, testPlanIsUsedOnce) }

func testPlanIsUsedOnce(t *testing.T, on *database) {
	for _, end := range []PlanUse{PlanDone, PlanAbandoned} {
		s, ctx := on.fresh(t), t.Context()
		one, two := savePlan(t, s, 1), savePlan(t, s, 2)
		must := func(chain uint64, want PlanUse, begun ...common.Hash) {
			t.Helper()
			use, err := s.PlanUsed(ctx, one.Digest, chain)
			if err != nil || use != want {
				t.Errorf("on chain %d: %q, %v; want %q", chain, use, err, want)
			}
			got, err := s.PlansBegun(ctx, chain)
			slices.SortFunc(begun, common.Hash.Cmp)
			slices.SortFunc(got, common.Hash.Cmp)
			if err != nil || !slices.Equal(got, begun) {
				t.Errorf("on chain %d: %v, %v; want %v", chain, got, err, begun)
			}
		}
		must(chainID, PlanUnused)
		if err := s.EndPlan(ctx, one.Digest, chainID, end); err != nil { // it was not begun
			t.Fatal(err)
		}
		must(chainID, PlanUnused)
		for range 2 {
			if err := s.BeginPlan(ctx, one.Digest, chainID); err != nil {
				t.Fatal(err)
			}
		}
		must(chainID, PlanBegun, one.Digest)
		must(10, PlanUnused)
		if err := s.BeginPlan(ctx, two.Digest, chainID); err != nil {
			t.Fatal(err)
		}
		must(chainID, PlanBegun, one.Digest, two.Digest)
		for range 2 {
			if err := s.EndPlan(ctx, one.Digest, chainID, end); err != nil {
				t.Fatal(err)
			}
		}
		must(chainID, end, two.Digest)
		// the other way of ending it changes nothing
		if err := s.EndPlan(ctx, one.Digest, chainID, map[PlanUse]PlanUse{PlanDone: PlanAbandoned, PlanAbandoned: PlanDone}[end]); err != nil {
			t.Fatal(err)
		}
		must(chainID, end, two.Digest)
		err := s.BeginPlan(ctx, one.Digest, chainID)
		var used *UsedPlanError
		if !errors.As(err, &used) || *used != (UsedPlanError{one.Digest, chainID, end}) || !strings.Contains(err.Error(), "make a new one") {
			t.Errorf("%v", err)
		}
		must(chainID, end, two.Digest)
		if err := s.BeginPlan(ctx, one.Digest, 10); err != nil { // another network
			t.Fatal(err)
		}
		must(10, PlanBegun, one.Digest)
		want := []audit.Kind{audit.LogBegun, audit.PlanSaved, audit.PlanSaved, audit.PlanBegun, audit.PlanBegun, audit.PlanEnded, audit.PlanBegun}
		if diff := cmp.Diff(want, kinds(log(t, s))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		mustBeSound(t, s)
	}
}

// TestPlanMustBeThere: nothing refers to a plan that the journal does not hold.
func TestPlanMustBeThere(t *testing.T) { onEach(t, testPlanMustBeThere) }

func testPlanMustBeThere(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	for name, err := range map[string]error{
		"begin plan": s.BeginPlan(ctx, common.Hash{7}, chainID), "set approval policy": s.SetPolicy(ctx, firstPolicy, nil, common.Hash{7}),
		"journal approval": s.SaveApproval(ctx, plan.Approval{Plan: common.Hash{7}, Signature: make([]byte, 65)}),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := savePlan(t, s, 1)
	if err := s.BeginPlan(ctx, p.Digest, chainID); err != nil {
		t.Fatal(err)
	}
	for _, use := range []PlanUse{PlanUnused, PlanBegun, "finished"} {
		if err := s.EndPlan(ctx, p.Digest, chainID, use); err == nil {
			t.Errorf("it ended as %q", use)
		}
	}
	if _, err := s.Policy(ctx); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if n := mustBeSound(t, s); n != 3 {
		t.Errorf("%d entries", n)
	}
}

func TestApprovalsAreKept(t *testing.T) { onEach(t, testApprovalsAreKept) }

func testApprovalsAreKept(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	p, other := savePlan(t, s, 1), savePlan(t, s, 2)
	if got, err := s.Approvals(ctx, p.Digest); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	first := signed(p, 1, false)
	another := first
	another.Signature = slices.Repeat([]byte{9}, 65) // wallets may sign the same in two ways: the first is kept
	for _, a := range []plan.Approval{signed(p, 2, true), first, signed(p, 2, false), first, another, signed(other, 1, false)} {
		if err := s.SaveApproval(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Approvals(ctx, p.Digest)
	if diff := cmp.Diff([]plan.Approval{first, signed(p, 2, false), signed(p, 2, true)}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	want := []audit.Kind{
		audit.LogBegun, audit.PlanSaved, audit.PlanSaved, audit.ApprovalRevoked, audit.ApprovalGiven, audit.ApprovalGiven, audit.ApprovalGiven,
	}
	if diff := cmp.Diff(want, kinds(log(t, s))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mustBeSound(t, s)
	on.exec(t, s, `UPDATE approvals SET signature = 'x' WHERE revoked = 1`)
	if _, err := s.Approvals(ctx, p.Digest); err == nil || !strings.Contains(err.Error(), "is not a signature") {
		t.Errorf("%v", err)
	}
}

func TestPolicies(t *testing.T) { onEach(t, testPolicies) }

func testPolicies(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	p := savePlan(t, s, 1)
	if _, err := s.Policy(ctx); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	inForce := func(want plan.Policy) {
		t.Helper()
		got, err := s.Policy(ctx)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	second := firstPolicy
	second.Required = 2
	stale := func(was *plan.Policy) {
		t.Helper()
		err := s.SetPolicy(ctx, plan.NewPolicy(plan.Policy{Required: 99}), was, p.Digest)
		if err == nil || !strings.Contains(err.Error(), "set approval policy: it was changed by another process") {
			t.Errorf("%+v: %v", was, err)
		}
	}
	stale(&firstPolicy) // there is none
	if err := s.SetPolicy(ctx, firstPolicy, nil, common.Hash{}); err != nil {
		t.Fatal(err)
	}
	inForce(firstPolicy)
	stale(nil) // there is one
	stale(&second)
	if err := s.SetPolicy(ctx, second, &firstPolicy, p.Digest); err != nil {
		t.Fatal(err)
	}
	inForce(second)
	stale(&firstPolicy) // it was
	inForce(second)
	// back to the first: by its number, not by what it says
	if err := s.SetPolicy(ctx, firstPolicy, &second, common.Hash{}); err != nil {
		t.Fatal(err)
	}
	inForce(firstPolicy)
	entries := log(t, s)
	want := []audit.Kind{audit.LogBegun, audit.PlanSaved, audit.PolicySet, audit.PolicySet, audit.PolicySet}
	if diff := cmp.Diff(want, kinds(entries)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for at, want := range map[int]audit.Policy{2: {ID: 1, Hash: firstPolicy.Hash()}, 3: {ID: 2, Hash: second.Hash(), Plan: p.Digest}, 4: {ID: 3, Hash: firstPolicy.Hash()}} {
		got := body[audit.Policy](t, entries[at])
		var policy plan.Policy
		if err := json.Unmarshal(got.Body, &policy); err != nil || policy.Hash() != want.Hash {
			t.Errorf("%s: %v", got.Body, err)
		}
		if got.Body = nil; !cmp.Equal(want, got) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	mustBeSound(t, s)
}

// TestPolicyThatIsNone: a row that somebody has written is not taken for a policy, and nothing falls over it.
func TestPolicyThatIsNone(t *testing.T) { onEach(t, testPolicyThatIsNone) }

func testPolicyThatIsNone(t *testing.T, on *database) {
	alone(t)
	for _, text := range []string{
		``, `{`, `[]`, `{"approvers":[],"required":9007199254740993,"hotfix":2,"pause":0,"cancel":0,"others":0,"validFor":1}`,
		`{"approvers":[], "required":1,"hotfix":2,"pause":0,"cancel":0,"others":0,"validFor":1}`, `{"required":2,"required":0}`, `{"required":2,"Required":0}`, `{"required":2}`, `{"approvers":null}`,
	} {
		s, ctx := on.fresh(t), t.Context()
		if err := s.SetPolicy(ctx, firstPolicy, nil, common.Hash{}); err != nil {
			t.Fatal(err)
		}
		on.exec(t, s, `UPDATE policies SET body = ?`, text)
		if p, err := s.Policy(ctx); err == nil {
			t.Errorf("%s is taken for %+v", text, p)
		}
		if err := s.SetPolicy(ctx, firstPolicy, &firstPolicy, common.Hash{}); err == nil {
			t.Errorf("%s is replaced", text)
		}
		if r := check(t, s); r.Sound() {
			t.Errorf("%s is not found", text)
		}
	}
}

func TestEveryChangeOfPlansIsInTheAuditLog(t *testing.T) {
	onEach(t, testEveryChangeOfPlansIsInTheAuditLog)
}

func testEveryChangeOfPlansIsInTheAuditLog(t *testing.T, on *database) {
	path := on.place(t)
	s := open(t, path)
	digests := planStory(t, s)
	entries := log(t, s)
	if diff := cmp.Diff(planStoryKinds, kinds(entries)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	chains := map[int]uint64{10: chainID, 11: 10, 12: chainID, 13: 10, 14: chainID, 15: chainID, 16: chainID, 17: chainID, 18: chainID}
	for i, e := range entries {
		if e.ChainID != chains[i] {
			t.Errorf("entry %d, %s: chain id %d, want %d", i+1, e.Kind, e.ChainID, chains[i])
		}
	}
	file, err := plan.Encode(pausing(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	tx := transactions(t, s)
	for i, want := range map[int]any{
		1: planEntry(digests[0], "pause", file), 5: audit.Approval{Plan: digests[0], Signer: common.Address{1}, Signature: signed(pausing(t, 1), 1, false).Signature},
		10: audit.PlanUse{Plan: digests[0]}, 14: audit.PlanUse{Plan: digests[0], Status: "done"}, 15: audit.PlanUse{Plan: digests[1], Status: "abandoned"},
		16: signedEntry(tx[0]), 17: signedEntry(tx[1]),
	} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if canonical, err := audit.Canonical(text); err != nil || string(canonical) != string(entries[i].Body) {
			t.Errorf("entry %d is\n%s, want\n%s", i+1, entries[i].Body, canonical)
		}
	}
	// the plan that holds a transaction stays with it
	if tx[0].Plan != digests[0] || tx[1].Plan != (common.Hash{}) || !strings.Contains(string(entries[16].Body), digests[0].Hex()) ||
		strings.Contains(string(entries[17].Body), "plan") {
		t.Errorf("%s, %s, %s", tx[0].Plan, tx[1].Plan, entries[17].Body)
	}
	mark := read(t, s)
	if mark.Open[0].Plan != digests[0] {
		t.Errorf("%+v", mark.Open[0])
	}
	if err := s.BeginPlan(t.Context(), digests[2], chainID); err != nil {
		t.Fatal(err)
	}
	better := transaction(0)
	better.Plan, better.Hash[5], better.Raw = digests[2], 1, []byte{7}
	replaced, err := s.Replace(t.Context(), mark.Open[:1], []rollout.Transaction{better})
	if err != nil || replaced[0].Plan != digests[2] || replaced[0].Earlier[0].Plan != digests[0] {
		t.Fatalf("%+v, %v", replaced, err)
	}
	mustBeSound(t, s)
	// what changes nothing writes nothing
	n := len(log(t, s))
	planAgain(t, s, digests)
	if got := len(log(t, s)); got != n {
		t.Errorf("%d entries, there were %d", got, n)
	}
	mustBeSound(t, readOnly(t, path))
}

// planAgain does what was done already.
func planAgain(t *testing.T, s *Store, digests []common.Hash) {
	t.Helper()
	ctx, p := t.Context(), pausing(t, 1)
	for i, err := range []error{
		s.SavePlan(ctx, p), s.SaveApproval(ctx, signed(p, 1, false)), s.SaveApproval(ctx, signed(p, 2, true)), s.BeginPlan(ctx, digests[0], 10),
		s.EndPlan(ctx, digests[0], chainID, PlanDone), s.EndPlan(ctx, digests[1], 10, PlanDone),
	} {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := s.BeginPlan(ctx, digests[0], chainID); err == nil {
		t.Error("it is begun again")
	}
	if err := s.SetPolicy(ctx, firstPolicy, nil, common.Hash{}); err == nil {
		t.Error("the policy is set again")
	}
}

// TestProcessesShareAPlan: of many that do the same at once, each succeeds, and what they do is done once.
func TestProcessesShareAPlan(t *testing.T) { onEach(t, testProcessesShareAPlan) }

func testProcessesShareAPlan(t *testing.T, on *database) {
	path := on.place(t)
	p := savePlan(t, open(t, path), 1)
	const many = 6
	var wg sync.WaitGroup
	policies := make(chan plan.Policy, many)
	for i := range many {
		s := open(t, path)
		wg.Go(func() {
			ctx := context.Background()
			policy := firstPolicy
			policy.ValidFor += int64(i)
			if err := s.SetPolicy(ctx, policy, nil, common.Hash{}); err == nil {
				policies <- policy
			} else if !strings.Contains(err.Error(), "another process") {
				t.Error(err)
			}
			for name, err := range map[string]error{
				"save": s.SavePlan(ctx, p), "approve": s.SaveApproval(ctx, signed(p, 1, false)), "begin": s.BeginPlan(ctx, p.Digest, chainID),
			} {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	wg.Wait()
	if len(policies) != 1 {
		t.Fatalf("%d policies were the first", len(policies))
	}
	s := open(t, path)
	if got, err := s.Policy(t.Context()); err != nil || !cmp.Equal(got, <-policies) {
		t.Errorf("%+v, %v", got, err)
	}
	ends := make(chan error, many)
	for i := range many {
		s := open(t, path)
		wg.Go(func() {
			use := PlanDone
			if i%2 > 0 {
				use = PlanAbandoned
			}
			ends <- s.EndPlan(context.Background(), p.Digest, chainID, use)
			var used *UsedPlanError
			if err := s.BeginPlan(context.Background(), p.Digest, chainID); !errors.As(err, &used) {
				t.Errorf("begun again: %v", err)
			}
		})
	}
	wg.Wait()
	for range many {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
	counts := map[audit.Kind]int{}
	for _, k := range kinds(log(t, s)) {
		counts[k]++
	}
	want := map[audit.Kind]int{audit.LogBegun: 1, audit.PlanSaved: 1, audit.PolicySet: 1, audit.ApprovalGiven: 1, audit.PlanBegun: 1, audit.PlanEnded: 1}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mustBeSound(t, s)
}

// TestTwoProcessesUseAPlanOnce is TestProcessesShareAPlan with processes: each begins and ends what it can.
func TestTwoProcessesUseAPlanOnce(t *testing.T) { onEach(t, testTwoProcessesUseAPlanOnce) }

func testTwoProcessesUseAPlanOnce(t *testing.T, on *database) {
	path := on.place(t)
	s := open(t, path)
	for number := range int64(plansOfChild) {
		savePlan(t, s, number)
	}
	var wait []func()
	var out [2]strings.Builder
	for i := range out {
		c := childProcess(t, usePlans, path)
		c.Stdout, c.Stderr = &out[i], &out[i]
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		wait = append(wait, func() {
			if err := c.Wait(); err != nil {
				t.Errorf("%v: %s", err, out[i].String())
			}
		})
	}
	for _, w := range wait {
		w()
	}
	begun, ended := map[common.Hash]int{}, map[common.Hash]int{}
	for _, e := range log(t, s) {
		switch e.Kind {
		case audit.PlanBegun:
			begun[body[audit.PlanUse](t, e).Plan]++
		case audit.PlanEnded:
			ended[body[audit.PlanUse](t, e).Plan]++
		}
	}
	for number := range int64(plansOfChild) {
		if d := pausing(t, number).Digest; begun[d] != 1 || ended[d] != 1 {
			t.Errorf("plan %d was begun %d times, and ended %d times", number, begun[d], ended[d])
		}
	}
	mustBeSound(t, s)
}

// earlier makes a journal of the release before plans: its schema, its log, and what it did.
func earlier(t *testing.T) (path string, entries []audit.Entry) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "lockstep.db")
	s, err := Open(t.Context(), path, "market")
	if err != nil {
		t.Fatal(err)
	}
	story(t, s)
	entries = log(t, s)
	down(t, s, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, entries
}

// TestJournalOfThePreviousRelease opens, is brought up to date, verifies and goes on; and whoever only reads it leaves it as it is.
func TestJournalOfThePreviousRelease(t *testing.T) {
	path, entries := earlier(t)
	before := content(t, filepath.Dir(path))
	old := readOnly(t, path)
	if n := mustBeSound(t, old); n != uint64(len(entries)) {
		t.Errorf("%d entries, want %d", n, len(entries))
	}
	if diff := cmp.Diff(kinds(entries), kinds(log(t, old))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if after := content(t, filepath.Dir(path)); !cmp.Equal(before, after) {
		t.Error("reading has changed it")
	}
	s := open(t, path)
	if n := mustBeSound(t, s); n != uint64(len(entries)) {
		t.Errorf("brought up to date: %d entries, want %d", n, len(entries))
	}
	for _, tx := range transactions(t, s) {
		if tx.Plan != (common.Hash{}) {
			t.Errorf("%+v", tx)
		}
	}
	if _, err := s.Policy(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	p := savePlan(t, s, 1)
	if err := s.BeginPlan(t.Context(), p.Digest, chainID); err != nil {
		t.Fatal(err)
	}
	next := transaction(read(t, s).NextNonce)
	next.Plan = p.Digest
	if added := add(t, s, next); added.Plan != p.Digest {
		t.Errorf("%+v", added)
	}
	mustBeSound(t, s)
	mustBeSound(t, readOnly(t, path))
}

// TestTamperedJournalOfThePreviousRelease: that there are no plans in it hides nothing.
func TestTamperedJournalOfThePreviousRelease(t *testing.T) {
	path, _ := earlier(t)
	for statement, want := range map[string]string{
		`UPDATE transactions SET nonce = 9 WHERE id = 1`: "transaction 1: nonce is 9",
		`DELETE FROM rollouts WHERE id = 2`:              "rollout 2 is in the log and not in the journal",
	} {
		s := (&database{}).altered(t, path, func(exec func(string, ...any)) { exec(statement) })
		if r := check(t, s); !strings.Contains(fmt.Sprint(r.Problems), want) {
			t.Errorf("%s: %v", statement, r.Problems)
		}
	}
}
