package store

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

func TestRefused(t *testing.T) { onEach(t, testRefused) }

func testRefused(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	at := rollout.Block{Number: 5, Hash: common.Hash{5}, Time: 1005}
	block := event.Refused{
		Contract: common.Address{1}, Block: at, Tx: common.Hash{2}, From: common.Address{3}, Selector: "0x12345678", Error: "NothingPending", Fields: []byte(`{}`),
		Data: []byte{1, 2}, Source: "block",
	}
	unsent := block
	unsent.Tx, unsent.Source, unsent.Error, unsent.Fields = common.Hash{}, "simulation", "", nil
	if err := s.SaveRefused(ctx, 10, block, unsent); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveRefused(ctx, 10, block, unsent); err != nil {
		t.Fatal(err)
	}
	all, err := s.refused(ctx, `1 = 1 ORDER BY id`)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d, %v: a transaction is kept once, each simulation for itself", len(all), err)
	}
	if diff := cmp.Diff(block, all[0].Refused); diff != "" || all[0].ChainID != 10 {
		t.Error(diff)
	}
	got, err := s.RefusedUnsent(ctx, all[1].ID)
	if err != nil || len(got) != 1 || got[0].ID != all[2].ID {
		t.Fatalf("after the first: %v, %v", got, err)
	}
	if diff := cmp.Diff(unsent, got[0].Refused); diff != "" {
		t.Error(diff)
	}
}
