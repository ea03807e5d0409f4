package txsend_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// BenchmarkPause measures from the order until an endpoint has the transaction, journalled on the disk, with three endpoints of which one hangs. The
// baseline, alternated, is one request with a transaction that somebody has signed before, to a good endpoint, which nobody can be faster than.
func BenchmarkPause(b *testing.B) {
	r := newPauseRig(b, chainID)
	bad, err := badnode.Start(b.Context(), r.url, badnode.Always(badnode.Hanging))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(bad.Close)
	other, err := badnode.Start(b.Context(), r.url, badnode.Always(badnode.None))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(other.Close)
	cfg := r.config("one", r.journal, r.client(bad.URL, other.URL, r.url))
	cfg.PerHour = 1 << 30
	p := r.armed(cfg)
	var took, bare []time.Duration
	for b.Loop() {
		start := time.Now()
		d := r.order(p)
		took = append(took, time.Since(start))
		if d.Outcome != rollout.PauseSent {
			b.Fatalf("%+v", d)
		}
		r.ended(d.ID)
		r.byAdmin(r.dispatcher, calls.PackUnpause())

		nonce, err := r.eth.PendingNonceAt(b.Context(), admin)
		if err != nil {
			b.Fatal(err)
		}
		tx := r.signedBy(adminKey, nonce, r.dispatcher, calls.PackPause(), 100*params.GWei)
		start = time.Now()
		if err := r.eth.SendTransaction(b.Context(), tx); err != nil {
			b.Fatal(err)
		}
		bare = append(bare, time.Since(start))
		r.until("the baseline is in a block", func() bool {
			receipt, err := r.eth.TransactionReceipt(b.Context(), tx.Hash())
			return err == nil && receipt.Status == types.ReceiptStatusSuccessful
		})
		r.byAdmin(r.dispatcher, calls.PackUnpause())
	}
	quantile := func(all []time.Duration, q float64) float64 {
		all = slices.Sorted(slices.Values(all))
		return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(took, 0.5), "ms-median")
	b.ReportMetric(quantile(took, 0.9), "ms-p90")
	b.ReportMetric(quantile(bare, 0.5), "ms-bare-median")
	b.ReportMetric(quantile(took, 0.5)/quantile(bare, 0.5), "x-bare")
}
