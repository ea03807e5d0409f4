package store

import (
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// closedPlans writes the story of plans to a journal and closes it.
func closedPlans(t *testing.T, on *database) (path string, digests []common.Hash, entries []audit.Entry) {
	t.Helper()
	path = on.place(t)
	s, err := Open(t.Context(), path, "market")
	if err != nil {
		t.Fatal(err)
	}
	digests = planStory(t, s)
	entries = log(t, s)
	mustBeSound(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, digests, entries
}

// TestTamperingWithPlansIsFound: every column of every row about plans is changed, rows are deleted and added, and the log is left
// as it is. D1, D2 and D3 are the digests of the plans, D4 is that of none; A1 and A2 have approved, A3 has not.
func TestTamperingWithPlansIsFound(t *testing.T) { onEach(t, testTamperingWithPlansIsFound) }

func testTamperingWithPlansIsFound(t *testing.T, on *database) {
	path, digests, _ := closedPlans(t, on)
	names := strings.NewReplacer("D1", digests[0].Hex(), "D2", digests[1].Hex(), "D3", digests[2].Hex(), "D4", common.Hash{4}.Hex(),
		"A1", common.Address{1}.Hex(), "A2", common.Address{2}.Hex(), "A3", common.Address{3}.Hex())
	const (
		missing = " is in the log and not in the journal"
		strange = " is in the journal and not in its log"
	)
	for statement, want := range map[string][]string{
		`UPDATE plans SET digest = 'D4' WHERE digest = 'D1'`:                                       {"plan D1" + missing, "plan D4" + strange},
		`UPDATE plans SET digest = upper(digest) WHERE digest = 'D1'`:                              {"is not written as a hash is"},
		`UPDATE plans SET action = 'unpause' WHERE digest = 'D1'`:                                  {`plan D1: action is "unpause" in the journal, the log says "pause"`},
		`UPDATE plans SET body = x'00' WHERE digest = 'D1'`:                                        {"plan D1: sha256 is"},
		`UPDATE plans SET created_at = 1 WHERE digest = 'D1'`:                                      {"plan D1: createdAt is 1 in the journal"},
		`UPDATE plans SET body = (SELECT body FROM plans WHERE digest = 'D2') WHERE digest = 'D1'`: {"plan D1: sha256 is"},
		`DELETE FROM plans WHERE digest = 'D3'`:                                                    {"plan D3" + missing},
		`INSERT INTO plans SELECT 'D4', action, body, created_at FROM plans WHERE digest = 'D1'`:   {"plan D4" + strange},

		`UPDATE plan_uses SET plan = 'D3' WHERE plan = 'D1' AND chain_id = 8453`:      {"the use of plan D1 on chain 8453" + missing, "the use of plan D3 on chain 8453" + strange},
		`UPDATE plan_uses SET chain_id = 1 WHERE plan = 'D1' AND chain_id = 8453`:     {"the use of plan D1 on chain 8453" + missing, "the use of plan D1 on chain 1" + strange},
		`UPDATE plan_uses SET status = 'begun' WHERE plan = 'D1' AND chain_id = 8453`: {`the use of plan D1 on chain 8453: status is "begun" in the journal, the log says "done"`},
		`UPDATE plan_uses SET status = 'begun', finished_at = NULL WHERE plan = 'D2'`: {`the use of plan D2 on chain 8453: status is "begun"`, "finishedAt is nothing"},
		`UPDATE plan_uses SET status = 'done' WHERE plan = 'D3'`:                      {`the use of plan D3 on chain 10: status is "done" in the journal, the log says "begun"`},
		`UPDATE plan_uses SET created_at = 1 WHERE plan = 'D3'`:                       {"the use of plan D3 on chain 10: createdAt is 1 in the journal"},
		`UPDATE plan_uses SET finished_at = 1 WHERE plan = 'D2'`:                      {"the use of plan D2 on chain 8453: finishedAt is 1 in the journal"},
		`UPDATE plan_uses SET finished_at = 1 WHERE plan = 'D3'`:                      {"finishedAt is 1 in the journal, the log says nothing"},
		`DELETE FROM plan_uses WHERE plan = 'D1' AND chain_id = 8453`:                 {"the use of plan D1 on chain 8453" + missing}, // it could be used again
		`INSERT INTO plan_uses VALUES ('D3', 8453, 'begun', 1, NULL)`:                 {"the use of plan D3 on chain 8453" + strange},

		`UPDATE approvals SET plan = 'D2' WHERE signer = 'A1'`:                                                {"the approval of plan D1 by A1" + missing, "the approval of plan D2 by A1" + strange},
		`UPDATE approvals SET signer = 'A3' WHERE signer = 'A1'`:                                              {"the approval of plan D1 by A1" + missing, "the approval of plan D1 by A3" + strange},
		`UPDATE approvals SET signer = 'x' WHERE signer = 'A1'`:                                               {`"x" in the journal is not written as an address is`},
		`UPDATE approvals SET revoked = 1 WHERE signer = 'A1'`:                                                {"the approval of plan D1 by A1" + missing, "the revocation of plan D1 by A1" + strange},
		`DELETE FROM approvals WHERE signer = 'A2' AND revoked = 1`:                                           {"the revocation of plan D1 by A2" + missing}, // it would count again
		`DELETE FROM approvals WHERE signer = 'A1'`:                                                           {"the approval of plan D1 by A1" + missing},
		`UPDATE approvals SET signature = replace(signature, '0x01', '0x02') WHERE signer = 'A1'`:             {"the approval of plan D1 by A1: signature is"},
		`UPDATE approvals SET signature = '0X' || substr(signature, 3) WHERE signer = 'A1'`:                   {"is not written as a signature is"},
		`UPDATE approvals SET signature = 'none' WHERE signer = 'A1'`:                                         {"is not written as a signature is"},
		`UPDATE approvals SET created_at = 1 WHERE signer = 'A1'`:                                             {"the approval of plan D1 by A1: createdAt is 1 in the journal"},
		`INSERT INTO approvals SELECT 'D2', signer, revoked, signature, 1 FROM approvals WHERE signer = 'A1'`: {"the approval of plan D2 by A1" + strange},

		`UPDATE policies SET id = 9 WHERE id = 3`:                                                    {"policy 3" + missing, "policy 9" + strange}, // another one is the last
		`UPDATE policies SET body = replace(body, '"required":2', '"required":1') WHERE id = 3`:      {"policy 3: hash is", `policy 3: policy is`},
		`UPDATE policies SET body = replace(body, '"others":0', '"others":0 ') WHERE id = 3`:         {"policy 3 in the journal is not one"},
		`UPDATE policies SET body = replace(body, '"required":2,', '') WHERE id = 3`:                 {"policy 3 in the journal is not one"},
		`UPDATE policies SET body = '' WHERE id = 3`:                                                 {"policy 3 in the journal is not one"},
		`UPDATE policies SET plan = NULL WHERE id = 3`:                                               {"policy 3: plan is nothing in the journal, the log says"},
		`UPDATE policies SET plan = 'D1' WHERE id = 3`:                                               {"policy 3: plan is"},
		`UPDATE policies SET plan = 'D1' WHERE id = 1`:                                               {"policy 1: plan is"},
		`UPDATE policies SET plan = '0x` + strings.Repeat("0", 64) + `' WHERE id = 1`:                {"where there should be nothing"},
		`UPDATE policies SET created_at = 1 WHERE id = 3`:                                            {"policy 3: createdAt is 1 in the journal"},
		`DELETE FROM policies WHERE id = 3`:                                                          {"policy 3" + missing}, // the one before is in force again
		`INSERT INTO policies (body, created_at) SELECT body, created_at FROM policies WHERE id = 1`: {"policy 4" + strange},

		`UPDATE transactions SET plan = NULL WHERE nonce = 0`:                                {"transaction 1: plan is nothing in the journal, the log says"},
		`UPDATE transactions SET plan = 'D2' WHERE nonce = 0`:                                {"transaction 1: plan is"},
		`UPDATE transactions SET plan = 'D1' WHERE nonce = 1`:                                {"transaction 2: plan is"},
		`UPDATE transactions SET plan = '' WHERE nonce = 1`:                                  {`"" in the journal is not written as a hash is`},
		`UPDATE transactions SET plan = '0x` + strings.Repeat("0", 64) + `' WHERE nonce = 1`: {"where there should be nothing"},
		`DROP TABLE policies; CREATE TABLE policies (id, body, plan, created_at)`:            {"policy 1" + missing, "policy 3" + missing},
		`DELETE FROM approvals; DELETE FROM plan_uses; DELETE FROM plans`:                    {"plan D1" + missing, "the use of plan D3 on chain 10" + missing},
		// as if an earlier release had written it
		`ALTER TABLE plans RENAME TO others; ALTER TABLE transactions DROP COLUMN plan`: {"plan D1" + missing, "policy 3" + missing, "transaction 1: plan is nothing"},
	} {
		t.Run(statement, func(t *testing.T) {
			s := on.altered(t, path, func(exec func(string, ...any)) { exec(names.Replace(statement)) })
			var got []string
			for _, p := range check(t, s).Problems {
				got = append(got, p.String())
			}
			text := strings.Join(got, "\n")
			for _, w := range want {
				if !strings.Contains(text, names.Replace(w)) {
					t.Errorf("found\n%s\nwant %s", text, names.Replace(w))
				}
			}
		})
	}
}

// TestEntriesAboutPlansThatDoNotFollow: a chain of entries that is right in itself must tell what can be true of plans.
func TestEntriesAboutPlansThatDoNotFollow(t *testing.T) {
	onEach(t, testEntriesAboutPlansThatDoNotFollow)
}

func testEntriesAboutPlansThatDoNotFollow(t *testing.T, on *database) {
	path, digests, entries := closedPlans(t, on)
	tip := entries[len(entries)-1]
	for name, test := range map[string]struct {
		kind    audit.Kind
		chainID uint64
		body    any
		want    string
	}{
		"saved twice":            {audit.PlanSaved, 0, audit.Plan{Digest: digests[0]}, "plan " + digests[0].Hex() + " is in entry 2 already"},
		"begun twice":            {audit.PlanBegun, 10, audit.PlanUse{Plan: digests[0]}, "on chain 10 is in entry 12 already"},
		"begun after its end":    {audit.PlanBegun, chainID, audit.PlanUse{Plan: digests[0]}, "on chain 8453 is in entry 15 already"},
		"ended twice":            {audit.PlanEnded, chainID, audit.PlanUse{Plan: digests[0], Status: "done"}, "ends, which was not begun on chain 8453"},
		"ended, never begun":     {audit.PlanEnded, chainID, audit.PlanUse{Plan: digests[2], Status: "done"}, "ends, which was not begun on chain 8453"},
		"ended elsewhere":        {audit.PlanEnded, 1, audit.PlanUse{Plan: digests[0], Status: "done"}, "ends, which was not begun on chain 1"},
		"ended, no plan":         {audit.PlanEnded, 10, audit.PlanUse{Plan: common.Hash{9}, Status: "done"}, "ends, which was not begun on chain 10"},
		"approved twice":         {audit.ApprovalGiven, 0, audit.Approval{Plan: digests[0], Signer: common.Address{1}}, "is in entry 6 already"},
		"taken back twice":       {audit.ApprovalRevoked, 0, audit.Approval{Plan: digests[0], Signer: common.Address{2}}, "is in entry 8 already"},
		"approved, not here":     {audit.ApprovalGiven, 0, audit.Approval{Plan: digests[0], Signer: common.Address{3}}, "is in the log and not in the journal"},
		"taken back, not here":   {audit.ApprovalRevoked, 0, audit.Approval{Plan: digests[0], Signer: common.Address{1}}, "is in the log and not in the journal"},
		"the same policy":        {audit.PolicySet, 0, map[string]any{"id": 3, "policy": map[string]any{}}, "policy 3 is in entry 10 already"},
		"not a plan":             {audit.PlanSaved, 0, map[string]int{"digest": 1}, "its body is not one of plan.saved"},
		"not a beginning":        {audit.PlanBegun, 10, map[string]int{"plan": 1}, "its body is not one of plan.begun"},
		"not an end":             {audit.PlanEnded, 10, map[string]int{"plan": 1}, "its body is not one of plan.ended"},
		"not an approval":        {audit.ApprovalGiven, 0, map[string]int{"signer": 1}, "its body is not one of approval.given"},
		"not a revocation":       {audit.ApprovalRevoked, 0, map[string]int{"signer": 1}, "its body is not one of approval.revoked"},
		"not a policy":           {audit.PolicySet, 0, map[string]string{"id": "one"}, "its body is not one of policy.set"},
		"the end of one that is": {audit.PlanEnded, 10, audit.PlanUse{Plan: digests[0], Status: "done"}, `status is "begun" in the journal, the log says "done"`},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := tip.Tip().Next(tip.Time, test.kind, test.chainID, test.body)
			if err != nil {
				t.Fatal(err)
			}
			r := check(t, rebuilt(t, on, path, append(slices.Clone(entries), e)))
			if !slices.ContainsFunc(r.Problems, func(p audit.Problem) bool {
				return p.Entry == e.Seq && p.What == audit.WrongRow && strings.Contains(p.Detail, test.want)
			}) {
				t.Errorf("%v, want %s", r.Problems, test.want)
			}
		})
	}
	// and without the last of them, it is the journal that has more
	for i, e := range entries {
		if e.Kind == audit.LogBegun || e.Kind == audit.TransactionSigned || e.Kind == audit.TransactionReleased {
			continue
		}
		if r := check(t, rebuilt(t, on, path, anew(t, slices.Delete(slices.Clone(entries), i, i+1), i))); r.Sound() {
			t.Errorf("entry %d, %s, is out, and that is not found", i+1, e.Kind)
		}
	}
}
