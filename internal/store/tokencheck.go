package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// takeToken is take for what is about tokens.
func (l *ledger) takeToken(e audit.Entry) (err error) {
	switch e.Kind {
	case audit.TokenCreated:
		var t audit.Token
		if err = json.Unmarshal(e.Body, &t); err == nil {
			t.CreatedAt = e.Time
			l.add(e, subject{what: "token", name: t.ID}, &t)
		}
	case audit.TokenRevoked:
		var r audit.TokenRevocation
		if err = json.Unmarshal(e.Body, &r); err != nil {
			break
		}
		row := l.rows[subject{what: "token", name: r.ID}]
		if row == nil || row.body.(*audit.Token).RevokedAt != 0 {
			l.wrong(e.Seq, "token %.12q is revoked, which was not good", r.ID)
			break
		}
		row.body.(*audit.Token).RevokedAt, row.entry = e.Time, e.Seq
	}
	return err
}

func (r *journalRows) readTokens(ctx context.Context, db querier) error {
	// an earlier release knew none
	has, err := db.has(ctx, "tokens")
	if err == nil && has {
		err = each(ctx, db, `SELECT id, name, hash, scopes, created_at, expires_at, revoked_at FROM tokens ORDER BY created_at, id`, func(rows *sql.Rows) error {
			var t audit.Token
			var hash, scopes string
			var expires, revoked sql.NullInt64
			err := rows.Scan(&t.ID, &t.Name, &hash, &scopes, &t.CreatedAt, &expires, &revoked)
			t.Hash, t.Scopes = r.hash(hash), strings.Split(scopes, " ")
			t.ExpiresAt, t.RevokedAt = r.timeOrNull(t.ID, expires), r.timeOrNull(t.ID, revoked)
			r.tokens = append(r.tokens, t)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("read tokens: %w", err)
	}
	return nil
}

// timeOrNull is numberOrNull, read. A zero is not written.
func (r *journalRows) timeOrNull(id string, at sql.NullInt64) int64 {
	if at.Valid && at.Int64 == 0 {
		r.odd = append(r.odd, fmt.Sprintf("token %.12q has the time 0 in the journal where there should be nothing", id))
	}
	return at.Int64
}
