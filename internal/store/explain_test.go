package store

import (
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// TestTransactionThatIsSignedOnceMore: what was void and is signed once more with the same bytes is the one that may be on the chain.
func TestTransactionThatIsSignedOnceMore(t *testing.T) {
	onEach(t, testTransactionThatIsSignedOnceMore)
}

func testTransactionThatIsSignedOnceMore(t *testing.T, on *database) {
	s := on.fresh(t)
	first := finish(t, s, add(t, s, transaction(3)), rollout.Void, 0)
	if got, err := s.TransactionOf(t.Context(), first.ChainID, first.Hash); err != nil || got.ID != first.ID {
		t.Errorf("transaction %d, %v", got.ID, err)
	}
	again := add(t, s, transaction(3))
	if again.Hash != first.Hash || again.ID == first.ID {
		t.Fatalf("it is another one: %+v", again)
	}
	if got, err := s.TransactionOf(t.Context(), first.ChainID, first.Hash); err != nil || got.ID != again.ID {
		t.Errorf("transaction %d, %v; want %d", got.ID, err, again.ID)
	}
}
