package txsend_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// timed collects what a sender times: each part with its steps, and whether it failed.
func timed(t *testing.T, cfg *txsend.Config) *[]string {
	t.Helper()
	var out []string
	last := time.Now()
	cfg.Timed = func(p txsend.Part) {
		what := p.Name + " " + strings.Join(p.Steps, "+")
		if p.Err != nil {
			what += " failed"
		}
		out = append(out, what)
		if p.From.Before(last) || p.To.Before(p.From) {
			t.Errorf("%s from %s to %s, after %s", what, p.From, p.To, last)
		}
		last = p.To
	}
	return &out
}

func mustHaveTimed(t *testing.T, got *[]string, want ...string) {
	t.Helper()
	if !slices.Equal(*got, want) {
		t.Errorf("timed %q, want %q", *got, want)
	}
}

// TestPartsOfASequence: what is done once for a sequence is one part, what is refused has failed.
func TestPartsOfASequence(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	got := timed(t, &cfg)
	s := txsend.New(cfg)
	ins := append(bump("one", "two"), rollout.Intent{Step: "bad", To: refuser})
	if err := s.Send(within(t, 5*time.Second), ins, rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	mark, err := s.Settle(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var refused *txsend.RefusedError
	if err := s.Send(within(t, 5*time.Second), ins[2:], mark); !errors.As(err, &refused) {
		t.Fatal(err)
	}
	mustHaveTimed(t, got, "simulate one+two", "sign one", "sign two", "journal one+two", "broadcast one", "broadcast two", "simulate bad failed")
}

// TestPartsOfAReplacement: the one that replaces is signed, journalled and given to relays as well.
func TestPartsOfAReplacement(t *testing.T) {
	r := newRelayRig(t)
	cfg := r.config()
	cfg.StuckAfter = 300 * time.Millisecond
	var hashes []common.Hash
	cfg.Relays = pushes{cfg.Relays, func(txs []*types.Transaction, _, _ uint64) {
		if h := txs[0].Hash(); !slices.Contains(hashes, h) {
			hashes = append(hashes, h)
		} else if len(hashes) == 2 && h == hashes[1] {
			r.mine()
		}
	}}
	got := timed(t, &cfg)
	if err := txsend.New(cfg).Send(within(t, 30*time.Second), r.bump("one"), rollout.Mark{}); err != nil {
		t.Fatal(err)
	}
	mustHaveTimed(t, got, "simulate one", "sign one", "journal one", "broadcast one", "sign one", "journal one", "broadcast one")
}

// TestPartsAfterARefusal: each time that a node refuses is a part.
func TestPartsAfterARefusal(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Chain = onSend{r.chain, func(*types.Transaction) error { return errors.New("refused by policy") }}
	got := timed(t, &cfg)
	if err := txsend.New(cfg).Send(within(t, 5*time.Second), bump("one"), rollout.Mark{}); err == nil {
		t.Fatal("it was sent")
	}
	if last := (*got)[len(*got)-1]; last != "broadcast one failed" {
		t.Errorf("timed %q", *got)
	}
	again := r.config()
	got = timed(t, &again)
	if _, err := txsend.New(again).Settle(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	mustHaveTimed(t, got, "broadcast one")
}
