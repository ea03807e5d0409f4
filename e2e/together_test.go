package e2e

import "testing"

// TestTwoTogether starts two programs at the same time on the same journal, which is not there yet: two deploys, then two
// rollouts, then the same for the next version. Each transaction is sent once, and both programs succeed.
func TestTwoTogether(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		second bool // a block a second in the rollout, and no next version
	}{{"a block for each transaction", false}, {"a block a second", true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			n := newAnvil(t)
			p := newProxy(t, n.url)
			m := newMarket(t, n, p.url, 10)
			both := func(args ...string) {
				t.Helper()
				one, other := m.start(args...), m.start(args...)
				one.mustSucceed(t)
				other.mustSucceed(t)
			}
			seen := 0
			sent := func() []mined { // since the last time
				t.Helper()
				chain, err := n.transactions(ctx)
				if err != nil {
					t.Fatal(err)
				}
				p.checkOneEach(t, chain)
				since := chain[seen:]
				seen = len(chain)
				return since
			}
			one, two := m.manifest("one"), m.manifest("two")
			dispatcher := m.dispatcher()

			both("--config", "one.yaml", "deploy", "one.json", "--yes")
			checkCalls(t, sent(), map[string]int{"create": 5, "grantRole": 6, "renounceRole": 1})

			if test.second {
				interval(t, n)
			}
			m.keepTime(dispatcher, 1, one, two)
			both("--config", "one.yaml", "rollout", "one.json", "--yes")
			m.checkRoutes(ctx, dispatcher, one, 1)
			checkCalls(t, sent(), map[string]int{"commitRoot": 1, "applyRoutes": len(one.Pages), "activateCommittedRoot": 1})
			if test.second {
				return
			}

			both("--config", "two.yaml", "deploy", "two.json", "--yes")
			both("--config", "two.yaml", "rollout", "two.json", "--yes")
			m.checkRoutes(ctx, dispatcher, two, 2)
			checkCalls(t, sent(), map[string]int{
				"create": 3, "commitRoot": 1, "applyRoutes": len(two.Pages), "activateCommittedRootAndCall": 1,
			})
			m.must("audit", "verify") // two programs have written one chain
		})
	}
}
