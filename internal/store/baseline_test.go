package store

import (
	"errors"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// baselineStory keeps what code two accounts had at first, and of a third one that it had none.
func baselineStory(t testing.TB, s *Store) map[common.Address]common.Hash {
	t.Helper()
	want := map[common.Address]common.Hash{{1}: {0xaa}, {2}: {0xbb}, {3}: {}}
	changed := map[common.Address]*common.Hash{}
	for account, hash := range want {
		changed[account] = &hash
	}
	if err := s.KeepCodeBaselines(t.Context(), 10, changed); err != nil {
		t.Fatal(err)
	}
	return want
}

func TestCodeBaselines(t *testing.T) { onEach(t, testCodeBaselines) }

func testCodeBaselines(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	want := baselineStory(t, s)
	look := func(what string, chainID uint64, want map[common.Address]common.Hash) {
		t.Helper()
		got, err := s.CodeBaselines(ctx, chainID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
	}
	look("kept", 10, want)
	look("another network", 11, map[common.Address]common.Hash{})
	hash := common.Hash{0xcc}
	for range 2 {
		if err := s.KeepCodeBaselines(ctx, 10, map[common.Address]*common.Hash{{1}: nil, {2}: &hash}); err != nil {
			t.Fatal(err)
		}
	}
	look("changed", 10, map[common.Address]common.Hash{{2}: hash, {3}: {}})

	held, err := s.Take(ctx, "one", nil, "eyes")
	if err != nil {
		t.Fatal(err)
	}
	under := s.Under(held...)
	if err := s.Yield(ctx, held...); err != nil {
		t.Fatal(err)
	}
	if err := under.KeepCodeBaselines(ctx, 10, map[common.Address]*common.Hash{{3}: nil}); !errors.Is(err, rollout.ErrFenced) {
		t.Errorf("without the lease: %v", err)
	}
	look("as before", 10, map[common.Address]common.Hash{{2}: hash, {3}: {}})
}
