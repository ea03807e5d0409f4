package relay

import (
	"context"
	"errors"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// gathered is what relays have answered.
type gathered struct {
	mu    sync.Mutex
	words map[string]error
	order []string
}

func (g *gathered) told(relay string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.words == nil {
		g.words = map[string]error{}
	}
	g.words[relay], g.order = err, append(g.order, relay)
}

// TestPushAll: all relays are given it at once, one that is slow keeps no other waiting, and the network's own endpoints are given nothing.
func TestPushAll(t *testing.T) {
	w := newWorld(t)
	slow, quick := w.flashbots("slow"), w.rpc("quick")
	own, err := NewEndpoints(network.Public, func(context.Context, *types.Transaction) error {
		t.Error("the endpoints were given it")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	recs := &memory{}
	r := w.router(Config{Relays: []Relay{slow, quick, own}, AllowPublic: true, Records: recs})
	w.control(control{Fault: "slow", Delay: 700, Of: []string{"/"}})
	tx := w.txs(0, 1)[0]
	var g gathered
	if err := r.PushAll(t.Context(), tx, w.head(), w.head()+25, g.told); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(g.order, []string{"quick", "slow"}) || g.words["quick"] != nil || g.words["slow"] != nil {
		t.Errorf("%v, %v", g.order, g.words)
	}
	rec, found, err := recs.Load(t.Context(), chainID, tx.Hash())
	if err != nil || !found || len(rec.Tries) != 2 {
		t.Fatalf("record %+v, %v", rec, err)
	}
	for _, try := range rec.Tries {
		if try.State != Taken || !try.Given {
			t.Errorf("%+v", try)
		}
	}
	// what they have need not be given again at the same block
	g = gathered{}
	if err := r.PushAll(t.Context(), tx, w.head(), w.head()+25, g.told); err != nil || len(g.order) != 0 {
		t.Errorf("again: %v, %v", g.order, err)
	}
	if number, landed := w.mine(); number == 0 || !slices.Contains(landed, tx.Hash()) {
		t.Errorf("block %d has %v", number, landed)
	}
	if err := r.Land(t.Context(), tx.Hash(), w.head(), nil, nil); err != nil {
		t.Error(err)
	}
}

// TestPushAllFails: what each has answered is told, a relay that comes back is asked at the next block, and what cannot be noted is given to nobody.
func TestPushAllFails(t *testing.T) {
	w := newWorld(t)
	one, two := w.flashbots("one"), w.rpc("two")
	recs, seen := &memory{}, &measures{}
	r := w.router(Config{Relays: []Relay{one, two}, Rebroadcast: time.Hour, Records: recs, Report: seen.report})
	w.control(control{Fault: "refuse", Message: "not you"})
	tx := w.txs(0, 1)[0]
	var g gathered
	if err := r.PushAll(t.Context(), tx, w.head(), w.head()+25, g.told); err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(g.words)); !slices.Equal(names, []string{"one", "two"}) {
		t.Fatalf("%v", g.words)
	}
	for name, err := range g.words {
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.wantWords(seen, "one:refused", "two:refused")
	w.control(control{})
	g = gathered{}
	if err := r.PushAll(t.Context(), tx, w.head(), w.head()+25, g.told); err != nil || len(g.order) != 0 {
		t.Errorf("at the same block: %v, %v", g.order, err)
	}
	w.mine()
	if err := r.PushAll(t.Context(), tx, w.head(), w.head()+25, g.told); err != nil || len(g.order) != 2 || g.words["one"] != nil || g.words["two"] != nil {
		t.Errorf("at the next block: %v, %v", g.words, err)
	}
	before := len(w.log())
	full := errors.New("no room")
	recs.fail = full
	g = gathered{}
	if err := r.PushAll(t.Context(), w.txs(1, 1)[0], w.head(), w.head()+25, g.told); !errors.Is(err, full) || len(g.order) != 0 {
		t.Errorf("without a record: %v, %v", g.order, err)
	}
	if now := len(w.log()); now != before {
		t.Errorf("%d requests, there were %d", now, before)
	}
	recs.fail = nil
	other, err := NewRouter(Config{Network: "other", ChainID: 7, Privacy: network.Relay, Relays: []Relay{one}, Records: recs})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.PushAll(t.Context(), tx, 0, 9, g.told); err == nil || !strings.Contains(err.Error(), "it is for chain 4242, not 7") {
		t.Errorf("for another chain: %v", err)
	}
	if err := r.PushAll(t.Context(), types.NewTx(&types.DynamicFeeTx{ChainID: big.NewInt(chainID)}), 0, 9, g.told); err == nil || !strings.Contains(err.Error(), "is not signed") {
		t.Errorf("unsigned: %v", err)
	}
	if len(w.log()) != before || len(g.order) != 0 {
		t.Errorf("%d requests, there were %d; %v", len(w.log()), before, g.order)
	}
}
