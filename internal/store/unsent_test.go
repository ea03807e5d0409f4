package store

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

func TestRefusedUnsent(t *testing.T) { onEach(t, testRefusedUnsent) }

func testRefusedUnsent(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	at := rollout.Block{Number: 5, Hash: common.Hash{5}, Time: 1005}
	block := event.Refused{
		Contract: common.Address{1}, Block: at, Tx: common.Hash{2}, From: common.Address{3}, Selector: "0x12345678", Error: "NothingPending", Fields: []byte(`{}`),
		Data: []byte{1, 2}, Source: "block",
	}
	unsent := block
	unsent.Tx, unsent.Source, unsent.Error, unsent.Fields = common.Hash{}, "simulation", "", nil
	later := unsent
	later.Block = rollout.Block{Number: 6, Hash: common.Hash{6}, Time: 1006}
	if err := s.SaveRefused(ctx, 10, []event.Refused{block, unsent, later}); err != nil {
		t.Fatal(err)
	}
	all, err := s.RefusedUnsent(ctx, 0)
	if err != nil || len(all) != 2 || all[0].ChainID != 10 {
		t.Fatalf("%+v, %v: what is in a block is not asked for", all, err)
	}
	if diff := cmp.Diff(unsent, all[0].Refused); diff != "" {
		t.Error(diff)
	}
	got, err := s.RefusedUnsent(ctx, all[0].ID)
	if err != nil || len(got) != 1 || got[0].ID != all[1].ID {
		t.Fatalf("after the first: %v, %v", got, err)
	}
}
