package app_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// synced is how all networks compare with what was rolled out last.
func (s *site) synced(p program, want ...string) *app.Sync {
	s.t.Helper()
	sync, err := p.Sync(s.ctx())
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, n := range sync.Networks {
		got = append(got, n.State)
	}
	if !slices.Equal(got, want) {
		s.t.Fatalf("the networks are %q, want %q: %+v", got, want, sync)
	}
	return sync
}

// TestSync brings networks that were added to what is live on the others, at the first version and after a return to it.
func TestSync(t *testing.T) {
	t.Parallel()
	places := []place{local(71), local(72), local(73)}
	s := newSite(t, places...)
	one := guarded("Vault").on(places[0])
	p := s.open(one)
	mustFail(t, "before any rollout", second(p.Sync(s.ctx())), "knows of no rollout that is done")
	mustFail(t, "before any rollout", second(p.PlanSync(s.ctx(), nil, nil)), "knows of no rollout that is done")
	s.execute(p, s.plan(p, p.request(plan.Rollout)))
	if sync := s.synced(p, "same"); sync.Manifest != p.m.Root || sync.RoutesRoot != p.m.RoutesRoot || sync.Networks[0].RoutesRoot != p.m.RoutesRoot {
		t.Errorf("%+v", sync)
	}
	if _, err := s.open(one).PlanSync(s.ctx(), nil, nil); !errors.Is(err, app.ErrInSync) {
		t.Errorf("got %v", err)
	}

	// a network that the manifest of the journal was not built for
	both := one.on(places[:2]...)
	p = s.open(both)
	if sync := s.synced(p, "same", "not deployed"); sync.Manifest != p.m.Root || sync.Networks[1].Reason == "" {
		t.Fatalf("%+v, the manifest built for both is %s", sync, p.m.Root)
	}
	mustFail(t, "the journal's manifest", second(s.open(both).PlanSync(s.ctx(), nil, nil)), "was not built for net72", "--manifest")
	other := s.open(both.with("VaultDoubling"))
	mustFail(t, "another manifest", second(other.PlanSync(s.ctx(), other.m, other.file)), "rolled out last was "+p.m.Root.Hex())
	p = s.open(both)
	made, err := p.PlanSync(s.ctx(), p.m, p.file)
	if err != nil {
		t.Fatal(err)
	}
	s.mustRead(made)
	if n := made.Intent.Networks; len(n) != 1 || n[0].Name != "net72" || made.Intent.Action != plan.Rollout || made.Intent.Source == nil || made.Intent.Source.Commit != "test" {
		t.Errorf("%+v", made.Intent)
	}
	// the daemon takes the file that the plan is for, not the first with its root
	s.handOver(p, made)
	d := s.serve(both)
	s.awaited(p, made.Digest, "at its timelock", atTimelocks)
	s.passTimelocks(p, "net72")
	s.awaited(p, made.Digest, "done", isDone)
	d.end()
	s.synced(s.open(both), "same", "same")

	// the next version, whose manifest is built for all, on the first two; then a third network is added
	all := guarded("VaultDoubling").on(places...)
	some := func(o *app.Options) { o.Networks = []string{"net71", "net72"} }
	p = s.open(all, some)
	s.execute(p, s.plan(p, p.request(plan.Rollout)))
	s.synced(s.open(all), "same", "same", "not deployed")
	third, err := s.open(all).PlanSync(s.ctx(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.execute(s.open(all), third)
	s.synced(s.open(all), "same", "same", "same")

	// one returns to the version before: the others are behind that
	back := guarded("Vault").on(places...)
	p = s.open(back, func(o *app.Options) { o.Networks = []string{"net71"} })
	s.execute(p, s.plan(p, p.request(plan.Rollback)))
	if sync := s.synced(s.open(back), "same", "behind", "behind"); sync.RoutesRoot != p.m.RoutesRoot {
		t.Errorf("%+v", sync)
	}
	// it was not built for the third
	p = s.open(back)
	if made, err = p.PlanSync(s.ctx(), p.m, p.file); err != nil {
		t.Fatal(err)
	}
	s.execute(p, made)
	s.synced(s.open(back), "same", "same", "same")
	for name := range s.nets {
		if got := s.state(name, s.dispatcher(p))["active routes root"]; got != p.m.RoutesRoot.Hex() {
			t.Errorf("%s has %s", name, got)
		}
	}

	back.places[1].urls = func(string) string { return `"http://127.0.0.1:1"` }
	if sync := s.synced(s.open(back), "same", "unreachable", "same"); sync.Networks[1].Reason == "" {
		t.Errorf("%+v", sync)
	}
	mustFail(t, "one that cannot be reached", second(s.open(back).PlanSync(s.ctx(), nil, nil)), "nothing to plan now, but net72 is unreachable")
}

// TestSyncDoesNotAskForTestNetworksAgain: a mainnet that is added later need not wait for test networks, on which the manifest is live.
func TestSyncDoesNotAskForTestNetworksAgain(t *testing.T) {
	t.Parallel()
	places := []place{testnet(71), mainnet(72), mainnet(73)}
	s := newSite(t, places...)
	c := guarded("Vault").on(places...)
	c.more = "rollout: {testnets: 1}\nserve: {health: 1s}"
	some := func(o *app.Options) { o.Networks = []string{"net71", "net72"} }
	p := s.open(c, some)
	made := s.plan(p, p.request(plan.Rollout))
	if r := made.Intent.Rollout; r == nil || r.Testnets != 1 {
		t.Fatalf("%+v", r)
	}
	s.execute(p, made)
	r, err := p.Execution(s.ctx(), made.Digest.Hex())
	if err != nil || r.Status != "done" || on(r, "net71").DoneAt == 0 || on(r, "net72").DoneAt == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	// without sync it is asked for
	p = s.open(c, func(o *app.Options) { o.Networks = []string{"net73"} })
	mustFail(t, "plan", second(p.MakePlan(s.ctx(), p.request(plan.Rollout))), "1 test networks must be live before a mainnet begins")
	p = s.open(c)
	if made, err = p.PlanSync(s.ctx(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if r := made.Intent.Rollout; r != nil || len(made.Intent.Networks) != 1 || made.Intent.Networks[0].Name != "net73" {
		t.Errorf("%+v", made.Intent)
	}
	s.execute(p, made)
	s.synced(s.open(c), "same", "same", "same")
}

// TestOrderNeedsAPlan: where the configuration says in which order networks become live, nothing is rolled out without a plan that holds it.
func TestOrderNeedsAPlan(t *testing.T) {
	t.Parallel()
	s := newSite(t, local(71), local(72))
	for i, order := range []string{
		"rollout: {policy: together}",
		"rollout: {policy: waves, waves: [{name: canary, networks: [net71], soak: 1h}, {name: rest, networks: [net72]}]}",
	} {
		t.Run(order, func(t *testing.T) {
			c := oneFacet.on(local(71), local(72))
			c.more = order
			p := s.open(c)
			if _, err := p.Deploy(s.ctx(), p.m, false); err != nil {
				t.Fatal(err)
			}
			was := s.sent()
			kind := []string{rollout.Together, rollout.Waves}[i]
			for what, err := range map[string]error{
				"rollout": second(p.Rollout(s.ctx(), p.m, p.file, false)), "rollback": second(p.Rollback(s.ctx(), p.m, p.file, false)),
			} {
				mustFail(t, what, err, fmt.Sprintf("rollout.policy is %s", kind), "lockstep plan")
			}
			if s.sent() != was {
				t.Errorf("%d transactions were sent", s.sent()-was)
			}
			if _, err := p.Rollout(s.ctx(), p.m, p.file, true); err != nil {
				t.Errorf("dry run: %v", err)
			}
		})
	}
}
