package store

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// BenchmarkWriters measures how fast several writers, each with a store of its own, add a transaction each of its own signer: to SQLite, to
// PostgreSQL with the lock of the journal, and to PostgreSQL with SERIALIZABLE transactions that are run again when they collide. All of
// them are written through to the disk.
func BenchmarkWriters(b *testing.B) {
	for _, c := range []struct {
		name    string
		writers int
	}{{"1 writer", 1}, {"8 writers", 8}} {
		b.Run(c.name, func(b *testing.B) {
			b.Run("sqlite", func(b *testing.B) { writers(b, &database{}, c.writers, withLock) })
			b.Run("postgres, lock", func(b *testing.B) { writers(b, newDatabase(b), c.writers, withLock) })
			b.Run("postgres, serializable", func(b *testing.B) { writers(b, newDatabase(b), c.writers, serializable) })
		})
	}
}

// writers adds b.N transactions in all.
func writers(b *testing.B, d *database, n int, add func(context.Context, *Store, func(*tx) error) (retries int, err error)) {
	path := d.place(b)
	stores := make([]*Store, n)
	for i := range stores {
		stores[i] = open(b, path)
	}
	var left, retried atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	b.ResetTimer()
	for i, s := range stores {
		group.Go(func() {
			for nonce := uint64(0); left.Add(-1) >= 0; nonce++ {
				t := transaction(nonce)
				t.Signer = common.Address{byte(i + 1)}
				t.Hash = common.Hash{byte(i + 1), byte(nonce >> 16), byte(nonce >> 8), byte(nonce)}
				t.Raw, t.Status = make([]byte, 1000), rollout.Released
				retries, err := add(b.Context(), s, func(tx *tx) error {
					if _, err := mark(b.Context(), tx.querier, t.ChainID, t.Signer); err != nil {
						return err
					}
					if err := insert(b.Context(), tx, now(), &t); err != nil {
						return err
					}
					return appendEntry(b.Context(), tx, now(), audit.TransactionReleased, chainID, audit.Turn{ID: t.ID, Hash: t.Hash})
				})
				retried.Add(int64(retries))
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "adds/s")
	b.ReportMetric(float64(retried.Load())/float64(b.N), "retries/add")
	mustBeSound(b, stores[0])
}

func withLock(ctx context.Context, s *Store, f func(*tx) error) (int, error) {
	return 0, s.within(ctx, f)
}

// serializable is what within would be without the lock.
func serializable(ctx context.Context, s *Store, f func(*tx) error) (retries int, err error) {
	for ; ; retries++ {
		err := func() error {
			sqlTx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
			if err != nil {
				return err
			}
			if err := f(&tx{querier: querier{sqlTx, s.engine}}); err != nil {
				_ = sqlTx.Rollback() // the first error says why
				return err
			}
			return sqlTx.Commit()
		}()
		var refused *pgconn.PgError
		// 40001: could not serialize; 40P01: deadlock; 23505: another one has taken the number in the log; P0001: so says its trigger
		if !errors.As(err, &refused) || refused.Code != "40001" && refused.Code != "40P01" && refused.Code != "23505" && refused.Code != "P0001" {
			return retries, err
		}
		time.Sleep(rand.N(time.Duration(min(retries+1, 20)) * time.Millisecond))
	}
}
