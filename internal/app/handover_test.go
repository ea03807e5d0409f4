package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// TestHandOverRefuses: what Execute refuses is not handed over either, and what was refused is not in the hands of serve.
func TestHandOverRefuses(t *testing.T) {
	two := func(s *site, p program, made *plan.Plan) app.Execution {
		return p.execution(made, s.approve(made, "alice", "bob"))
	}
	var (
		lacks   *app.NotApprovedError
		moved   *app.MovedError
		expired *app.ExpiredError
		used    *store.UsedPlanError
	)
	no := errors.New("no")
	for name, c := range map[string]struct {
		more string // of the configuration's approvals
		give func(s *site, p program, made *plan.Plan) app.Execution
		is   func(error) bool
		want string
	}{
		"one approval of two": {
			give: func(s *site, p program, made *plan.Plan) app.Execution {
				return p.execution(made, s.approve(made, "alice"))
			},
			is: func(err error) bool { return errors.As(err, &lacks) }, want: "has 1 of the 2 approvals",
		},
		"a pending root": {
			give: func(s *site, p program, made *plan.Plan) app.Execution {
				s.send("net71", "operator", s.dispatcher(p), dispatcherABI.PackCommitRoot(common.HexToHash("0xbad"), 2))
				return two(s, p, made)
			},
			is: func(err error) bool { return errors.As(err, &moved) }, want: "net71: pending root was ",
		},
		"expired": {
			more: ", validFor: 2h",
			give: func(s *site, p program, made *plan.Plan) app.Execution {
				if err := s.nets["net71"].AdvanceTime(2*time.Hour + time.Minute); err != nil {
					s.t.Fatal(err)
				}
				return two(s, p, made)
			},
			is: func(err error) bool { return errors.As(err, &expired) }, want: "net71",
		},
		"used": {
			give: func(s *site, p program, made *plan.Plan) app.Execution {
				s.execute(p, made)
				return two(s, p, made)
			},
			is: func(err error) bool { return errors.As(err, &used) }, want: "a plan is used once",
		},
		"another manifest": {
			give: func(s *site, p program, made *plan.Plan) app.Execution {
				x := two(s, p, made)
				x.File = append(x.File[:len(x.File):len(x.File)], '\n')
				return x
			},
			is: func(err error) bool { return errors.As(err, &moved) }, want: "manifest was ",
		},
		"a plan for pause": {
			give: func(s *site, p program, _ *plan.Plan) app.Execution {
				return two(s, p, s.plan(p, p.request(plan.Pause)))
			},
			is: func(error) bool { return true }, want: "a plan to pause is not handed over, since it waits for nothing: lockstep pause PLAN",
		},
		"not confirmed": {
			give: two, is: func(err error) bool { return errors.Is(err, no) }, want: "no",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := begun(t, 71)
			c2 := guarded("VaultDoubling")
			c2.approvals += c.more
			p := s.open(c2, func(o *app.Options) {
				if name == "not confirmed" {
					o.Confirm = func(context.Context, []app.Outcome) error { return no }
				}
			})
			made := s.plan(p, p.request(plan.Rollout))
			x := c.give(s, p, made)
			was := s.sent()
			_, err := p.HandOver(s.ctx(), x, "tester")
			mustFail(t, name, err, c.want)
			if err == nil || !c.is(err) {
				t.Errorf("the error is %T: %v", err, err)
			}
			all, err := p.Executions(s.ctx())
			for _, r := range all {
				if r.Served {
					t.Errorf("it is in the hands of serve: %+v", r)
				}
			}
			if err != nil || s.sent() != was {
				t.Errorf("%d transactions were sent, %v", s.sent()-was, err)
			}
		})
	}
}

// TestCommandLeavesAServedPlanAlone: what serve carries out a command does not, until it is taken back.
func TestCommandLeavesAServedPlanAlone(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.handOver(p, made)
	x := p.execution(made, s.approve(made, "alice", "bob"))
	var served *store.ServedError
	if err := s.refused(s.open(c), x); !errors.As(err, &served) || served.Plan != made.Digest {
		t.Errorf("got %v", err)
	}
	mustFail(t, "rollout", served, "is carried out by lockstep serve", "lockstep execution stop")
	if _, err := p.StopExecution(s.ctx(), made.Digest.Hex(), "by hand, please", "tester"); err != nil {
		t.Fatal(err)
	}
	s.execute(s.open(c), made)
	r, err := p.Execution(s.ctx(), made.Digest.Hex())
	if err != nil || r.Status != "done" || r.Served {
		t.Errorf("%+v, %v", r, err)
	}
	mustFail(t, "stop what is done", second(p.StopExecution(s.ctx(), made.Digest.Hex(), "late", "tester")), "is done already")
	mustFail(t, "retry what is done", second(p.RetryExecution(s.ctx(), made.Digest.Hex(), "tester")), "is done already")
	mustFail(t, "exclude from what is done", second(p.ExcludeNetwork(s.ctx(), made.Digest.Hex(), "net71", "late", "tester")), "is done already")
}

func second[T any](_ T, err error) error { return err }

// TestExecutionByItsDigest: the beginning of a digest names an execution if it is long enough, and of one alone.
func TestExecutionByItsDigest(t *testing.T) {
	t.Parallel()
	s := newSite(t, local(71))
	c := guarded("Vault")
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	// of a few hundred plans two have digests that begin with the same four digits
	var twins []*plan.Plan
	seen := map[string]*plan.Plan{}
	for i := int64(0); twins == nil; i++ {
		other := *made
		other.Intent.Expires -= i
		if err := other.Seal(); err != nil {
			t.Fatal(err)
		}
		begins := other.Digest.Hex()[:6]
		if seen[begins] != nil {
			twins = []*plan.Plan{seen[begins], &other}
		}
		seen[begins] = &other
	}
	if all, err := p.Executions(s.ctx()); err != nil || all == nil || len(all) > 0 {
		t.Errorf("before any: %v, %v", all, err)
	}
	journal, err := store.Open(s.ctx(), s.journal, "plans")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = journal.Close() }()
	for _, twin := range twins {
		err := journal.SavePlan(s.ctx(), twin)
		if err == nil {
			err = journal.BeginExecution(s.ctx(), twin.Digest, true, []uint64{71}, "tester")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	digest := twins[0].Digest.Hex()
	differ := 6 // the first digit in which they do
	for digest[differ] == twins[1].Digest.Hex()[differ] {
		differ++
	}
	for given, want := range map[string]string{
		"0x":                  "at least four digits",
		digest[:5]:            "at least four digits",
		digest[:6]:            "2 plans have digests that begin with",
		digest[2:]:            "",
		"0xffffffffffffffff0": "no plan whose digest begins with",
		"":                    "at least four digits",
		digest[:differ+1]:     "",
		digest:                "",
		"0x" + common.Bytes2Hex(twins[0].Digest[:12]): "",
	} {
		r, err := p.Execution(s.ctx(), given)
		if want == "" {
			if err != nil || r.Plan != twins[0].Digest || r.Status != "running" || on(r, "net71").State != "waiting" || on(r, "net71").Reason == "" {
				t.Errorf("%q: %+v, %v", given, r, err)
			}
			continue
		}
		mustFail(t, given, err, want)
		if !errors.Is(err, app.ErrNoExecution) {
			t.Errorf("%q: the error is %T", given, err)
		}
		mustFail(t, "stop "+given, second(p.StopExecution(s.ctx(), given, "why", "tester")), want)
	}
	all, err := p.Executions(s.ctx())
	if err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
}

// TestNetworkThatIsAddedConcernsNoOtherPlan: a plan's manifest need not have been built for a network that the plan is not for.
func TestNetworkThatIsAddedConcernsNoOtherPlan(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71, 72)
	p := s.open(guarded("VaultDoubling").on(places[0]))
	made := s.plan(p, p.request(plan.Rollout))
	x := p.execution(made, s.approve(made, "alice", "bob"))
	wider := s.open(guarded("VaultDoubling").on(places...))
	r, err := wider.HandOver(s.ctx(), x, "tester")
	if err != nil || len(r.Networks) != 1 || r.Networks[0].Network != "net71" {
		t.Errorf("%+v, %v", r, err)
	}
}
