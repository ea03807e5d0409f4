package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// TransactionsAfter lists the transactions of all networks that are open, the oldest first, and those that became final in the entries of the audit log after one up to
// another, in their order. It reads what is new alone.
func (s *Store) TransactionsAfter(ctx context.Context, after, upTo uint64) (open []rollout.Transaction, finished []Finished, err error) {
	open, err = s.someTransactions(ctx, `status IN ('signed', 'released', 'replaced') AND status <> 'replaced'`) // the words of an index
	if err != nil {
		return nil, nil, fmt.Errorf("read what is open in the journal: %w", err)
	}
	type end struct{ id, at int64 }
	var ends []end
	err = s.read(ctx, func(db querier) error {
		ends = nil
		return each(ctx, db, `SELECT time, body FROM audit WHERE seq > ? AND seq <= ? AND kind IN (?, ?) ORDER BY seq`, func(rows *sql.Rows) error {
			var at int64
			var body []byte
			if err := rows.Scan(&at, &body); err != nil {
				return err
			}
			var o audit.Outcome
			err := json.Unmarshal(body, &o)
			ends = append(ends, end{o.ID, at})
			return err
		}, after, upTo, string(audit.TransactionConfirmed), string(audit.TransactionReverted))
	})
	for i := 0; i < len(ends) && err == nil; i++ {
		var one []rollout.Transaction
		one, err = s.someTransactions(ctx, `id = ?`, ends[i].id)
		for _, t := range one {
			finished = append(finished, Finished{t, ends[i].at})
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read what is final in the journal: %w", err)
	}
	return open, finished, nil
}
