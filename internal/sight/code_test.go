package sight_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/sight"
)

// codeAlerts are what becomes of alerts about code.
type codeAlerts struct {
	t *testing.T
	*rule.Engine
}

// follow shows what was seen of code to the rules, and compares what follows.
func (a codeAlerts) follow(what string, out sight.Sighted, want ...string) {
	a.t.Helper()
	var got []string
	for _, s := range out.Seen {
		if s.Sight != rule.SawCode {
			continue
		}
		for _, c := range a.See(s) {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", c.Turn, c.Alert.Severity, c.Alert.Subject, c.Alert.Resolution)))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		a.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// alerted are the accounts about whose code alerts fire, as who begins to watch anew is told of them.
func (a codeAlerts) alerted() (out []sight.Account) {
	for _, f := range a.Firing() {
		part, account, was, ok := rule.WatchedCode(f)
		if !ok {
			a.t.Fatalf("%s is not about code", f.Subject)
		}
		out = append(out, sight.Account{Address: account, Part: part, Pinned: was})
	}
	return out
}

// become has an account have other code in a new block.
func (l *looker) become(account common.Address, code []byte) sight.Sighted {
	l.t.Helper()
	l.rpc("anvil_setCode", account, hexutil.Encode(code))
	l.rpc("evm_mine")
	return l.again()
}

// liveAgain is goLive of a manifest whose pages are there already.
func (r *rig) liveAgain(epoch uint64, routes ...manifest.PageRoute) {
	r.t.Helper()
	_, root, err := manifest.Paginate(routes, 50)
	if err != nil {
		r.t.Fatal(err)
	}
	r.must(operator, r.made.Address, pack.PackCommitRoot(root, epoch))
	r.later(3601)
	r.must(operator, r.made.Address, pack.PackActivateCommittedRoot())
}

// TestAFacetThatLeaves the live manifest while it has other code: the alert ends, and when the facet comes back with other code, another one is raised;
// also if it leaves while nobody watches.
func TestAFacetThatLeaves(t *testing.T) {
	r := newFundedAnvil(t)
	facet, other := r.create(writer), r.create(honest)
	subject := "facet " + name(facet)
	raised, resolved := "raised critical "+subject, "resolved critical "+subject+" it is no longer watched: no live route leads to it"
	with, without := route(write, facet, writer), route(write, other, honest)
	r.goLive(1, with)
	alerts := codeAlerts{t, rule.New(nil)}
	l, first := r.look(nil)
	alerts.follow("at first", first)
	alerts.follow("other code", l.become(facet, honest), raised)
	r.goLive(2, without)
	alerts.follow("without it", l.again(), resolved)
	r.rpc("anvil_setCode", facet, hexutil.Encode(writer)) // else it cannot be activated
	r.liveAgain(3, with)
	alerts.follow("it is back", l.again())
	alerts.follow("other code again", l.become(facet, honest), raised)
	alerts.follow("its own code", l.become(facet, writer), "resolved critical "+subject+" the code is again what it was")

	alerts.follow("other code", l.become(facet, honest), raised)
	_, first = r.lookWith(sight.Config{Alerted: alerts.alerted()})
	alerts.follow("watched anew, it is still there", first)
	r.liveAgain(4, without)
	l, first = r.lookWith(sight.Config{Alerted: alerts.alerted()})
	alerts.follow("it left while nobody watched", first, resolved)
	r.rpc("anvil_setCode", facet, hexutil.Encode(writer))
	r.liveAgain(5, with)
	alerts.follow("it is back again", l.again())
	alerts.follow("and changes", l.become(facet, honest), raised)
}

// kept are baselines as a journal keeps them.
type kept struct {
	hashes map[common.Address]common.Hash
	err    error
}

func (k *kept) keep(_ context.Context, changed map[common.Address]*common.Hash) error {
	if k.err != nil {
		return k.err
	}
	for account, hash := range changed {
		if delete(k.hashes, account); hash != nil {
			k.hashes[account] = *hash
		}
	}
	return nil
}

func (k *kept) config(alerts codeAlerts) sight.Config {
	return sight.Config{Baselines: maps.Clone(k.hashes), Keep: k.keep, Alerted: alerts.alerted()}
}

// TestAHolderThatIsAContract: what it had when it was first seen is what it must have, whoever watches, until its role is taken from it.
func TestAHolderThatIsAContract(t *testing.T) {
	r := newFundedAnvil(t)
	wallet := r.create(writer)
	grant := func() { r.must(deployer, r.made.Address, pack.PackGrantRole(dispatcher.PauserRole, wallet)) }
	revoke := func() { r.must(deployer, r.made.Address, pack.PackRevokeRole(dispatcher.PauserRole, wallet)) }
	grant()
	subject := "holder " + name(wallet)
	raised, unwatched := "raised high "+subject, "resolved high "+subject+" it is no longer watched: it holds no role, nor does the configuration name it"
	alerts, journal := codeAlerts{t, rule.New(nil)}, &kept{hashes: map[common.Address]common.Hash{}}

	anew := func(what string, want ...string) *looker {
		t.Helper()
		l, first := r.lookWith(journal.config(alerts))
		alerts.follow(what, first, want...)
		return l
	}
	l := anew("at first")
	if len(journal.hashes) != 3 || journal.hashes[wallet] == (common.Hash{}) {
		t.Errorf("%v", journal.hashes) // the deployer and the operator have none
	}
	alerts.follow("other code", l.become(wallet, honest), raised)
	l = anew("watched anew")
	alerts.follow("its own", l.become(wallet, writer), "resolved high "+subject+" the code is again what it was")
	r.rpc("anvil_setCode", wallet, hexutil.Encode(honest))
	r.rpc("evm_mine")
	l = anew("it changed while nobody watched", raised)
	revoke()
	alerts.follow("without a role", l.again(), unwatched)
	if _, there := journal.hashes[wallet]; there {
		t.Error("what it had at first is still kept")
	}
	grant()
	alerts.follow("a role again, with the code that it has now", l.again())
	alerts.follow("other code again", l.become(wallet, writer), raised)
	revoke()
	anew("its role was taken while nobody watched", unwatched)
	if _, there := journal.hashes[wallet]; there {
		t.Error("what it had at first is still kept")
	}
}

// TestWhatOneEndpointSaysIsNotKept as what the code of an account was at first.
func TestWhatOneEndpointSaysIsNotKept(t *testing.T) {
	r := newFundedAnvil(t)
	second := before(t, r.url)
	second.set(true, nil)
	journal := &kept{hashes: map[common.Address]common.Hash{}, err: errors.New("disk full")}
	l, _ := r.lookWith(sight.Config{Keep: journal.keep}, r.url, second.url)
	if len(journal.hashes) > 0 {
		t.Errorf("by one: %v", journal.hashes)
	}
	second.set(false, nil)
	r.later(20)
	r.rpc("evm_mine")
	if _, err := l.try(); !errors.Is(err, journal.err) {
		t.Errorf("it cannot be kept: %v", err)
	}
	journal.err = nil
	r.rpc("evm_mine")
	l.again()
	if len(journal.hashes) != 2 {
		t.Errorf("by both: %v", journal.hashes)
	}
}

// withoutPage answers as a node would to which the pages of manifests have no code.
func withoutPage(request, answer string) string {
	if !strings.Contains(request, "eth_getCode") {
		return answer
	}
	before, rest, found := strings.Cut(answer, `"result":"0x00`) // a page begins with STOP
	if !found {
		return answer
	}
	_, rest, _ = strings.Cut(rest, `"`)
	return before + `"result":"0x"` + rest
}

// TestAPageThatIsMisread: one endpoint says that the page of the live manifest has no code, and others are asked. Facets are watched all the same; and also
// where nobody else can be asked, as soon as it says so no more.
func TestAPageThatIsMisread(t *testing.T) {
	r := newFundedAnvil(t)
	facet := r.create(writer)
	changed := func(of int) string {
		return fmt.Sprintf("code of facet %s: %s, %s (%d of %d)", name(facet), hashOf(writer), hashOf(honest), of, of)
	}
	wrong := func(out sight.Sighted) (got []rule.Seen) {
		for _, s := range out.Seen {
			if s.Sight == rule.SawSlot {
				got = append(got, s)
			}
		}
		return got
	}

	alone, first := before(t, r.url), before(t, r.url)
	single, _ := r.look(nil, alone.url)
	// the other one is asked first
	two, _ := r.look(nil, first.url, before(t, r.url).url)
	alone.set(false, withoutPage)
	first.set(false, withoutPage)
	r.goLive(1, route(write, facet, writer))
	if got := wrong(single.again()); len(got) != 1 || !strings.HasSuffix(got[0].Is, ": no code") || got[0].Endpoints != 1 || got[0].Asked != 1 {
		t.Errorf("one: %+v", got)
	}
	for _, s := range wrong(two.again()) { // whether the liar was asked is a matter of chance
		if s.Believed() {
			t.Errorf("one of two: %+v", s)
		}
	}
	for range 3 {
		r.rpc("evm_mine")
		single.want("it is told once", single.again())
	}
	if got := words(two.become(facet, honest), rule.SawCode); !slices.Equal(got, []string{changed(2)}) {
		t.Errorf("of two: %q", got)
	}
	single.again()
	alone.set(false, nil)
	r.rpc("evm_mine")
	if got := words(single.again(), rule.SawSlot, rule.SawCode); !slices.Equal(got, []string{changed(1)}) {
		t.Errorf("when it is read: %q", got)
	}

	// what was live before is watched as long as nobody can tell what is
	single.become(facet, writer)
	alone.set(false, withoutPage)
	r.goLive(2, route(write, facet, writer), route(write+1, facet, writer))
	if got := words(single.again(), rule.SawSlot, rule.SawCode); len(got) != 1 || !strings.HasSuffix(got[0], ": no code") {
		t.Errorf("another manifest: %q", got)
	}
	if got := words(single.become(facet, honest), rule.SawSlot, rule.SawCode); !slices.Equal(got, []string{changed(1)}) {
		t.Errorf("while it is misread: %q", got)
	}
}

// TestThreeMustAgree: each one more that says so is told, until there are enough.
func TestThreeMustAgree(t *testing.T) {
	r := newFundedAnvil(t)
	facet := r.create(writer)
	r.goLive(1, route(write, facet, writer))
	second, third := before(t, r.url), before(t, r.url)
	for need, want := range map[int][]string{
		3: {"raised high facet " + name(facet), "renewed high facet " + name(facet), "raised critical facet " + name(facet)},
		1: {"raised critical facet " + name(facet), "renewed critical facet " + name(facet), "renewed critical facet " + name(facet)},
	} {
		second.set(false, nil)
		third.set(false, nil)
		alerts := codeAlerts{t, rule.New(nil)}
		l, first := r.lookWith(sight.Config{Agree: need}, r.url, second.url, third.url)
		alerts.follow("at first", first)
		second.set(true, nil)
		third.set(true, nil)
		alerts.follow("one", l.become(facet, honest), want[0])
		for i, p := range []*proxy{second, third} {
			p.set(false, nil)
			r.later(20)
			r.rpc("evm_mine")
			if need == 1 {
				alerts.follow("enough before", l.again())
				continue
			}
			alerts.follow("one more", l.again(), want[i+1])
		}
		if f := alerts.Firing(); len(f) != 1 || f[0].Has(rule.ActPause) != (f[0].Severity == rule.Critical) || f[0].Endpoints < need {
			t.Errorf("%d must agree: %+v", need, f)
		}
		l.become(facet, writer)
	}
}
