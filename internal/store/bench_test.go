package store

import (
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// BenchmarkAdd measures what the audit log costs: Add of one transaction and of ten, beside the same reads and writes of the
// journal without their entries. Both are written through to the disk.
func BenchmarkAdd(b *testing.B) {
	for name, n := range map[string]uint64{"1 transaction": 1, "10 transactions": 10} {
		b.Run(name, func(b *testing.B) {
			var alone, logged float64
			b.Run("without the log", func(b *testing.B) {
				s := fresh(b)
				next := uint64(0)
				for b.Loop() {
					if err := addUnlogged(b, s, sequence(next, n)); err != nil {
						b.Fatal(err)
					}
					next += n
				}
				alone = b.Elapsed().Seconds() / float64(b.N)
			})
			b.Run("with the log", func(b *testing.B) {
				s := fresh(b)
				var m rollout.Mark
				for b.Loop() {
					out, err := s.Add(b.Context(), sequence(m.NextNonce, n), m)
					if err != nil {
						b.Fatal(err)
					}
					m.LastID, m.NextNonce = out[n-1].ID, m.NextNonce+n
				}
				logged = b.Elapsed().Seconds() / float64(b.N)
				if alone > 0 {
					b.ReportMetric(logged/alone, "x-without")
				}
			})
		})
	}
}

func sequence(nonce, n uint64) (out []rollout.Transaction) {
	for i := nonce; i < nonce+n; i++ {
		t := transaction(i)
		t.Hash[1], t.Hash[2] = byte(i>>8), byte(i>>16)
		t.Raw = make([]byte, 1000)
		out = append(out, t)
	}
	return out
}

func addUnlogged(b *testing.B, s *Store, ts []rollout.Transaction) error {
	ctx := b.Context()
	return s.within(ctx, func(tx *tx) error {
		if _, err := mark(ctx, tx.querier, chainID, signer); err != nil {
			return err
		}
		for _, t := range ts {
			_, err := tx.exec(ctx, `INSERT INTO transactions (chain_id, signer, nonce, step, hash, raw, status, created_at)
				VALUES (?, ?, ?, ?, ?, ?, 'released', ?)`, t.ChainID, t.Signer.Hex(), t.Nonce, t.Step, t.Hash.Hex(), t.Raw, now())
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkVerifyAudit verifies the log of a journal of a thousand transactions, rows and all.
func BenchmarkVerifyAudit(b *testing.B) {
	s := fresh(b)
	var m rollout.Mark
	for m.NextNonce < 1000 {
		out, err := s.Add(b.Context(), sequence(m.NextNonce, 10), m)
		if err != nil {
			b.Fatal(err)
		}
		m.LastID, m.NextNonce = out[9].ID, m.NextNonce+10
	}
	entries := mustBeSound(b, s)
	for b.Loop() {
		mustBeSound(b, s)
	}
	b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
