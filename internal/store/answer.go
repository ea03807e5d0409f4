package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// LatestAlert returns the last alert with a fingerprint, whether it fires or not. The error is ErrNotFound if there was none.
func (s *Store) LatestAlert(ctx context.Context, fingerprint string) (a rule.Record, err error) {
	err = s.read(ctx, func(db querier) (err error) {
		a, err = scanAlert(db.queryRow(ctx, `SELECT `+alertColumns+` FROM alerts WHERE fingerprint = ? ORDER BY id DESC LIMIT 1`, fingerprint))
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		return err
	})
	if err != nil {
		return rule.Record{}, fmt.Errorf("read the last alert with fingerprint %.40q: %w", fingerprint, err)
	}
	return a, nil
}
