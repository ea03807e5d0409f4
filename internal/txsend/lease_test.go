package txsend_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// seize takes the nonces of the account from whoever has them.
func (r *rig) seize(t *testing.T, holder string) []rollout.Lease {
	t.Helper()
	leases, err := r.journal.Take(t.Context(), holder, func(string) bool { return true }, rollout.SignerLease(r.id, account))
	if err != nil {
		t.Fatal(err)
	}
	return leases
}

// TestFencedBeforeTheBroadcast stops a process between its journal and the node, and wakes it when another one has taken over and has made
// up its mind differently.
func TestFencedBeforeTheBroadcast(t *testing.T) {
	r := newRig(t)
	sent := 0
	cfg := r.config()
	cfg.Chain = onSend{r.chain, func(*types.Transaction) error { sent++; return nil }}
	cfg.Check = func(context.Context, *types.Transaction) error { r.seize(t, "another"); return nil } // after Add, before the broadcast
	slow := txsend.New(cfg)
	slow.Use(r.journal.Under(r.seize(t, "slow")...))
	err := slow.Send(within(t, 5*time.Second), bump("one"), rollout.Mark{})
	if !errors.Is(err, rollout.ErrFenced) {
		t.Fatalf("got %v, want that it was taken over", err)
	}
	if sent != 0 {
		t.Errorf("it was sent %d times after the nonces were taken over", sent)
	}
	r.mustHave(t, "taken over", rollout.Released)
	other := txsend.New(r.config())
	other.Use(r.journal.Under(r.seize(t, "another")...))
	if _, err := other.Settle(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if r.count(t) != 1 {
		t.Errorf("it happened %d times, want once", r.count(t))
	}
}

// TestFencedBeforeTheJournal wakes a process after its decision: nothing of it is journalled, so its nonce is nobody's.
func TestFencedBeforeTheJournal(t *testing.T) {
	r := newRig(t)
	slow := txsend.New(r.config())
	slow.Use(r.journal.Under(r.seize(t, "slow")...))
	mark, err := slow.Settle(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	r.seize(t, "another")
	if err := slow.Send(within(t, 5*time.Second), bump("one"), mark); !errors.Is(err, rollout.ErrFenced) {
		t.Fatalf("got %v, want that it was taken over", err)
	}
	r.mustBeEmpty(t)
	if r.count(t) != 0 {
		t.Errorf("it happened %d times", r.count(t))
	}
}
