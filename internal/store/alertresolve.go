package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// ErrSeenHere says that nobody can say of an alert that it is over.
var ErrSeenHere = errors.New("only alerts from outside (rule external) are over because somebody says so: this one is about what is seen here, and ends by itself when " +
	"that is over; take it in hand with lockstep alert ack, or silence it")

// ResolveReported ends an alert from outside whose reporter does not say that it is over, because somebody does.
func (s *Store) ResolveReported(ctx context.Context, id int64, by, reason string, tell notice.Teller) (a rule.Record, err error) {
	err = s.within(ctx, func(tx *tx) error {
		row, err := alert(ctx, tx.querier, id)
		switch {
		case err != nil:
			return err
		case !row.Fires():
			return ErrResolved
		case row.Rule != rule.External:
			return ErrSeenHere
		}
		at := now()
		row.ResolvedAt, row.Resolution = at, stored(fmt.Sprintf("%s says that it is over: %s", by, reason))
		body, err := json.Marshal(row.Alert)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE alerts SET state = 'resolved', body = ?, resolution = ?, finished_at = ? WHERE id = ?`, stored(string(body)), row.Resolution, at, id)
		if err != nil {
			return err
		}
		if err := appendEntry(ctx, tx, at, audit.AlertResolved, row.ChainID, alertEntry(row, stored(by))); err != nil {
			return err
		}
		a = row
		return tellOf(ctx, tx, tell, notice.Resolved, row, nil)
	})
	if err != nil {
		return rule.Record{}, fmt.Errorf("resolve alert %d: %w", id, err)
	}
	return a, nil
}
