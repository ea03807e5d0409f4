package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// named is a relay of which only the name counts.
type named struct {
	Relay
	name, privacy string
}

func (n named) Name() string    { return n.name }
func (n named) Privacy() string { return n.privacy }

func chooser(t *testing.T, explore int, seed uint64, past ...Measurement) *Router {
	t.Helper()
	r, err := NewRouter(Config{
		Network: "testnet", ChainID: chainID, Privacy: network.Relay, AllowPublic: true, Measured: true, Explore: explore, Seed: seed, Past: past,
		Relays: []Relay{named{name: "public", privacy: network.Public}, named{name: "a", privacy: network.Relay}, named{name: "b", privacy: network.Relay}, named{name: "c", privacy: network.Relay}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ended(relay string, o Outcome, blocks uint64, price int64) Measurement {
	m := Measurement{Relay: relay, Outcome: o, Blocks: blocks}
	if price > 0 {
		m.GasPrice, m.BaseFee = big.NewInt(price), big.NewInt(100)
	}
	return m
}

func TestChoiceByWhatWasMeasured(t *testing.T) {
	many := func(n int, m Measurement) []Measurement { return slices.Repeat([]Measurement{m}, n) }
	for name, c := range map[string]struct {
		past []Measurement
		want []string
	}{
		"nothing known":         {nil, []string{"a", "b", "c"}},
		"inclusion rate":        {append(many(3, ended("a", OutcomeExpired, 3, 0)), many(3, ended("b", OutcomeLanded, 1, 0))...), []string{"b", "c", "a"}},
		"blocks":                {append(many(3, ended("a", OutcomeLanded, 3, 0)), many(3, ended("b", OutcomeLanded, 2, 0))...), []string{"c", "b", "a"}},
		"cost":                  {append(many(3, ended("a", OutcomeLanded, 1, 150)), ended("b", OutcomeLanded, 1, 110), ended("c", OutcomeLanded, 1, 120)), []string{"b", "c", "a"}},
		"refusals":              {many(2, ended("a", OutcomeRefused, 0, 0)), []string{"b", "c", "a"}},
		"what is taken is open": {many(9, ended("a", OutcomeTaken, 9, 0)), []string{"a", "b", "c"}},
		"only the last":         {append(many(100, ended("a", OutcomeLate, 9, 0)), many(window, ended("a", OutcomeLanded, 1, 0))...), []string{"a", "b", "c"}},
		"public wins nothing":   {append(many(9, ended("public", OutcomeLanded, 1, 100)), many(9, ended("a", OutcomeLate, 9, 0))...), []string{"b", "c", "a"}},
	} {
		got := chooser(t, -1, 0, c.past...).choice.order(true)
		if want := append(c.want, "public"); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := chooser(t, 1, 0, many(9, ended("a", OutcomeLate, 9, 0))...).choice.order(false); !slices.Equal(got, []string{"a", "b", "c", "public"}) {
		t.Errorf("as configured: %q", got)
	}
}

func TestExplorationIsBoundedAndTheSameForASeed(t *testing.T) {
	run := func(seed uint64) (firsts []string) {
		r := chooser(t, 5, seed)
		for range 100 {
			firsts = append(firsts, r.choice.order(true)[0])
		}
		return firsts
	}
	one, same, other := run(1), run(1), run(2)
	if !slices.Equal(one, same) {
		t.Error("two runs with one seed differ")
	}
	if slices.Equal(one, other) {
		t.Error("two seeds make no difference")
	}
	for i, name := range one {
		if explored := name != "a"; explored != (i%5 == 4) || name == "public" {
			t.Errorf("submission %d begins with %s", i, name)
		}
	}
	if !slices.Contains(one, "b") || !slices.Contains(one, "c") {
		t.Errorf("not every relay was explored: %q", one)
	}
}

func TestLikelyRelay(t *testing.T) {
	r := Record{Tries: []Try{
		{Relay: "first", State: Taken, Since: 10},
		{Relay: "dropped", State: Dropped, Since: 12},
		{Relay: "no", State: Refused, Since: 13},
		{Relay: "doubt", State: Asked, Since: 13},
		{Relay: "last", State: Taken, Since: 14},
	}}
	for block, want := range map[uint64]string{10: " 0", 11: "first 1", 13: "dropped 2", 14: "dropped 2", 15: "last 3"} {
		by, among := r.likely(block, Taken, Dropped)
		if got := fmt.Sprint(by.Relay, " ", among); got != want {
			t.Errorf("in block %d: %s, want %s", block, got, want)
		}
	}
}

// TestDoubtIsCreditedIfNobodyElse lands what only a relay that did not answer can have.
func TestDoubtIsCreditedIfNobodyElse(t *testing.T) {
	m, records, hash := &measures{}, &memory{}, common.Hash{1}
	rec := Record{ID: "x", ChainID: chainID, Hashes: []common.Hash{hash}, Tries: []Try{{Relay: "a", State: Asked, Since: 4, Late: true}}}
	if err := records.Save(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	r := chooser(t, 0, 0)
	r.cfg.Records, r.cfg.Report = records, m.report
	if err := r.Land(t.Context(), hash, 9, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Land(t.Context(), common.Hash{2}, 9, nil, nil); err != nil {
		t.Errorf("what no relay was given: %v", err)
	}
	if len(m.all) != 1 || m.all[0].Relay != "a" || m.all[0].Blocks != 5-DefaultPatience {
		t.Errorf("%+v", m.all)
	}
}

func TestKnownRelays(t *testing.T) {
	for _, k := range network.Relays() {
		var err error
		switch k.Kind {
		case network.RelayFlashbots:
			_, err = NewFlashbots(FlashbotsConfig{Name: k.Name, URL: k.URL, StatusURL: k.StatusURL, Signer: textKey{newKey(t)}})
		case network.RelayBloxroute:
			_, err = NewBloxroute(BloxrouteConfig{Name: k.Name, URL: k.URL, Method: k.Method, Secret: func(context.Context) (string, error) { return "", nil }})
		case network.RelayRPC:
			_, err = NewRPC(RPCConfig{Name: k.Name, URL: k.URL, StatusURL: k.StatusURL})
		default:
			t.Errorf("%s has kind %q", k.Name, k.Kind)
		}
		if err != nil {
			t.Errorf("%s of chain %d: %v", k.Name, k.ChainID, err)
		}
		if n, ok := network.LookupID(k.ChainID); !ok || n.Privacy != network.Relay {
			t.Errorf("%s is for chain %d, whose privacy is %q", k.Name, k.ChainID, n.Privacy)
		}
		if got, ok := network.LookupRelay(k.Name, k.ChainID); !ok || got != k || k.Source == "" {
			t.Errorf("%s of chain %d is found as %+v", k.Name, k.ChainID, got)
		}
	}
	for _, n := range network.All() { // no network is private without a way to be
		if n.Privacy == network.Relay && !slices.ContainsFunc(network.Relays(), func(k network.KnownRelay) bool { return k.ChainID == n.ChainID }) {
			t.Errorf("%s has no relay", n.Name)
		}
	}
}

func TestRecordAsJSON(t *testing.T) {
	want := Record{
		ID: "x", ChainID: 1, Hashes: []common.Hash{{1}}, Last: 9, Order: []string{"a"}, Landed: []common.Hash{{1}}, Cancelled: true,
		Tries: []Try{{Relay: "a", State: Taken, At: time.Unix(7, 0).UTC(), Since: 1, Until: 2, Seen: 3, Given: true, Late: true, Reason: "why"}},
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Record
	if err := json.Unmarshal(raw, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s is %+v, %v; want %+v", raw, got, err, want)
	}
}
