package schedule

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/store"
)

// BenchmarkEnsure measures how long it takes from asking for a job until its work begins: in this process, as the baseline, and through River.
func BenchmarkEnsure(b *testing.B) {
	var baseline time.Duration
	for _, name := range []string{"local", "river"} {
		b.Run(name, func(b *testing.B) {
			begun := make(chan struct{}, 1)
			work := func(context.Context, Job) { begun <- struct{}{} }
			log := slog.New(slog.DiscardHandler)
			var jobs scheduler = NewLocal(b.Context(), work, log)
			if name == "river" {
				s, err := store.Open(b.Context(), database(b), "")
				if err != nil {
					b.Fatal(err)
				}
				pool, schema, err := s.Pool(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if jobs, err = NewRiver(b.Context(), pool, schema, "bench", s.Alone, work, log); err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() {
					if err := s.Close(); err != nil {
						b.Error(err)
					}
				})
			}
			b.Cleanup(func() {
				if err := jobs.Stop(context.Background()); err != nil {
					b.Error(err)
				}
			})
			fence := uint64(0)
			for b.Loop() {
				fence++
				if err := jobs.Ensure(b.Context(), Job{Plan: common.Hash{7}, ChainID: fence, Fence: fence}); err != nil {
					b.Fatal(err)
				}
				<-begun
			}
			took := b.Elapsed() / time.Duration(b.N)
			if name == "local" {
				baseline = took
				return
			}
			b.ReportMetric(float64(took)/float64(baseline), "x-local")
		})
	}
}
