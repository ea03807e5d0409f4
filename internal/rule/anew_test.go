package rule

import (
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// shown is what becomes of alerts by what an engine is shown, in words.
func shown(e *Engine, all ...Seen) (out []string) {
	for _, s := range all {
		for _, c := range e.See(s) {
			out = append(out, fmt.Sprintf("%s %s %s", c.Turn, c.Alert.Rule, c.Alert.Subject))
		}
	}
	return out
}

func mustShow(t *testing.T, what string, e *Engine, all []Seen, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, shown(e, all...)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// anew is another engine, as whoever begins to watch anew has.
func (e *Engine) anew() *Engine {
	other := New(e.settings)
	other.Restore(e.Firing(), nil)
	return other
}

// TestWhoeverBeginsAnew has seen nothing yet of what fires: it neither ends nor is raised again until all of it was seen.
func TestWhoeverBeginsAnew(t *testing.T) {
	contract, root := common.Address{0xd1}, common.Hash{0xaa}.Hex()
	block := func(n uint64) rollout.Block {
		return rollout.Block{Number: n, Hash: common.BigToHash(common.Big1), Time: n}
	}
	seen := func(kind Sight, network string, n uint64) Seen {
		return Seen{Sight: kind, Network: network, ChainID: 1, At: int64(n) * 1000, Block: block(n), Contract: contract}
	}
	with := func(s Seen, f func(*Seen)) Seen {
		f(&s)
		return s
	}

	e := New(nil)
	activated := with(seen(SawEffect, "alpha", 5), func(s *Seen) { s.Effect = Effect{Activated, root + " 2"} })
	mustShow(t, "activated", e, []Seen{activated}, "raised unknown_root "+root)
	active := func(is string) Seen {
		return with(seen(SawActive, "alpha", 6), func(s *Seen) { s.Subject, s.Is = is, is })
	}
	mustShow(t, "active still", e.anew(), []Seen{seen(SawPending, "alpha", 6), active(root)})
	mustShow(t, "active no more", e.anew(), []Seen{seen(SawPending, "alpha", 6), active("0xbb")}, "resolved unknown_root "+root)

	e = New(nil)
	on := func(network, is string, n uint64) Seen {
		return with(seen(SawActive, network, n), func(s *Seen) { s.Subject, s.Is = is, is })
	}
	mustShow(t, "apart", e, []Seen{on("alpha", "0xaa", 1), on("beta", "0xbb", 1), on("alpha", "0xaa", 100)}, "raised drift active routes")
	mustShow(t, "one of two", e.anew(), []Seen{on("alpha", "0xaa", 101), on("beta", "0xbb", 102), on("beta", "0xbb", 200)})
	mustShow(t, "together", e.anew(), []Seen{on("alpha", "0xaa", 101), on("beta", "0xaa", 102)}, "resolved drift active routes")

	hidden := with(seen(SawSlot, "alpha", 5), func(s *Seen) { s.Subject, s.Was, s.Is = "grace", "60", "90" })
	e = New(nil)
	mustShow(t, "hidden", e, []Seen{hidden}, "raised unplanned_privilege storage: grace")
	later := with(hidden, func(s *Seen) { s.Block = block(9) })
	mustShow(t, "found again", e.anew(), []Seen{later})
	mustShow(t, "another", e.anew(), []Seen{with(later, func(s *Seen) { s.Is = "91" })}, "renewed unplanned_privilege storage: grace")

	apart := with(seen(SawDisagreement, "alpha", 5), func(s *Seen) { s.Subject, s.Failed, s.Source = "a, b", true, "final" })
	e = New(nil)
	mustShow(t, "apart", e, []Seen{apart}, "raised rpc_disagrees a, b")
	mustShow(t, "others agree", e.anew(), []Seen{with(apart, func(s *Seen) { s.Subject, s.Failed = "b, c", false })})
	mustShow(t, "all agree", e.anew(), []Seen{with(apart, func(s *Seen) { s.Subject, s.Failed = "a, b, c", false })}, "resolved rpc_disagrees a, b")
}

// TestStepsOfBefore: they count together with the last, not one by one; and they are forgotten as time passes.
func TestStepsOfBefore(t *testing.T) {
	step := func(at int64, failed bool, source string) Seen {
		return Seen{Sight: SawStep, Network: "alpha", ChainID: 1, At: at * 1000, Subject: "commit", Failed: failed, Source: source}
	}
	var all []Seen
	for i := range int64(12) {
		all = append(all, step(1000+i, i == 0, Before))
	}
	e := New(nil)
	mustShow(t, "one of 13", e, append(all, step(1100, false, "")))
	mustShow(t, "two of 14", e, []Seen{step(1200, true, "")}, "raised failure_rate steps")
	mustShow(t, "a day later", e, []Seen{{Sight: SawTick, At: (1201 + 24*3600) * 1000}}, "resolved failure_rate steps")
}

// TestARootThatComesBack: that it is not pending while its block has left the chain ends nothing.
func TestARootThatComesBack(t *testing.T) {
	contract, root := common.Address{0xd1}, common.Hash{0xaa}.Hex()
	seen := func(kind Sight, n uint64, subject string) Seen {
		return Seen{
			Sight: kind, Network: "alpha", ChainID: 1, At: int64(n) * 1000, Contract: contract, Subject: subject, Epoch: 2, Eta: 5000,
			Block: rollout.Block{Number: n, Hash: common.BigToHash(common.Big1), Time: n},
		}
	}
	e := New(nil)
	mustShow(t, "pending", e, []Seen{seen(SawActive, 5, ""), seen(SawPending, 5, root)}, "raised unknown_root "+root)
	mustShow(t, "out", e, []Seen{seen(SawReorg, 4, ""), seen(SawPending, 5, "")})
	mustShow(t, "back", e, []Seen{seen(SawPending, 6, root)}, "renewed unknown_root "+root)
	mustShow(t, "final", e, []Seen{seen(SawFinal, 6, "")}, "confirmed unknown_root "+root)
	mustShow(t, "over", e, []Seen{seen(SawPending, 7, "")}, "resolved unknown_root "+root)
}

// TestCodeThatIsNoLongerWatched ends its alert, so that what the account does when it is watched again is another one.
func TestCodeThatIsNoLongerWatched(t *testing.T) {
	for part, rule := range map[string]string{Facet: CodehashMismatch, Extension: CodehashMismatch, Holder: AccountCode, Signer: AccountCode} {
		account := common.Address{0xfa}
		seen := func(at int64, source, was, is string) Seen {
			return Seen{
				Sight: SawCode, Network: "alpha", ChainID: 1, At: at, Account: account, Part: part, Source: source, Was: was, Is: is, Endpoints: 1, Asked: 1,
				Block: rollout.Block{Number: 5},
			}
		}
		subject := rule + " " + part + " " + address(account)
		e := New(nil)
		mustShow(t, "other code", e, []Seen{seen(1, "", "0x01", "0x02")}, "raised "+subject)
		if p, a, was, ok := WatchedCode(e.Firing()[0]); p != part || a != account || was != common.HexToHash("0x01") || !ok {
			t.Errorf("it is about %s %s, which was %s", p, a, was)
		}
		mustShow(t, "not watched", e.anew(), []Seen{seen(2, Unwatched, "", "")}, "resolved "+subject)
		mustShow(t, "watched again", e, []Seen{seen(2, Unwatched, "", ""), seen(3, "", "0x01", "0x02")}, "resolved "+subject, "raised "+subject)
	}
	for _, a := range []Alert{{Rule: CodehashMismatch, Subject: sightOf + "0xaa"}, {Rule: AccountCode, Subject: "holder"}, {Rule: UnknownRoot, Subject: "facet " + address(common.Address{1})}} {
		if _, _, _, ok := WatchedCode(a); ok {
			t.Errorf("%s about %s is taken for an alert about code", a.Rule, a.Subject)
		}
	}
}

// TestAsManyAsMustSaySo: an alert of which fewer endpoints tell is high and pauses nothing, until enough do.
func TestAsManyAsMustSaySo(t *testing.T) {
	grave := Settings{Severity: Critical, Window: day, Actions: []Action{ActPause, Security}}
	settings := map[string]Settings{UnplannedPrivilege: grave, AccountCode: grave}
	for name, x := range map[string]struct{ say, asked, required, want int }{
		"one of one":               {1, 1, 0, 2},
		"one of two":               {1, 2, 0, 1},
		"two of three":             {2, 3, 0, 2},
		"one of three, one must":   {1, 3, 1, 2},
		"two of three, three must": {2, 3, 3, 1},
		"three, three must":        {3, 3, 3, 2},
		"two of two, three must":   {2, 2, 3, 2},
		"not said of how many":     {0, 0, 0, 2},
	} {
		for _, s := range []Seen{
			{Sight: SawCode, Part: Facet, Was: "0x01", Is: "0x02"},
			{Sight: SawCode, Part: Holder, Was: "0x01", Is: "0x02"},
			{Sight: SawSlot, Subject: "grace", Was: "60", Is: "61"},
			{Sight: SawSlot, Subject: "role bits of 0x01", Was: "no role", Is: "ADMIN"},
		} {
			s.Network, s.ChainID, s.At, s.Endpoints, s.Asked, s.Required = "alpha", 1, 1000, x.say, x.asked, x.required
			a := New(settings).See(s)[0].Alert
			if want := map[int]Severity{1: High, 2: Critical}[x.want]; a.Severity != want || a.Has(ActPause) != (want == Critical) || !a.Has(Security) || a.Endpoints != x.say {
				t.Errorf("%s: %s %s is %s, %v, by %d", name, s.Sight, s.Subject, a.Severity, a.Actions, a.Endpoints)
			}
		}
	}
	mild := map[string]Settings{UnplannedPrivilege: {Severity: Warning, Window: day, Actions: []Action{Security}}}
	s := Seen{Sight: SawSlot, Subject: "grace", Network: "alpha", ChainID: 1, At: 1000, Endpoints: 1, Asked: 2}
	if a := New(mild).See(s)[0].Alert; a.Severity != Warning {
		t.Errorf("configured as a warning it is %s", a.Severity)
	}
}

// TestWhenItWasRaisedLast: what follows from an alert once each time it is raised can be told apart.
func TestWhenItWasRaisedLast(t *testing.T) {
	e := New(nil)
	seen := func(at int64, what string) Alert {
		t.Helper()
		s := Seen{
			Sight: SawEffect, Network: "alpha", ChainID: 1, At: at * 1000, Contract: common.Address{1}, Tx: common.Hash{byte(at)}, Block: rollout.Block{Number: uint64(at)},
			Effect: Effect{what, "0xaa 1"},
		}
		changes := e.See(s)
		if len(changes) != 1 {
			t.Fatalf("%s: %+v", what, changes)
		}
		return changes[0].Alert
	}
	for _, c := range []struct {
		at         int64
		what       string
		last, anew int64
	}{{100, Committed, 100, 0}, {110, Activated, 110, 110}, {120, Committed, 110, 110}} {
		if a := seen(c.at, c.what); a.RaisedAt != 100 || a.LastRaised() != c.last || a.RaisedAnewAt != c.anew {
			t.Errorf("%s at %d: raised at %d, anew at %d", c.what, c.at, a.RaisedAt, a.RaisedAnewAt)
		}
	}
}
