package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// CreateToken keeps what is known of a token, created now, and returns it so.
func (s *Store) CreateToken(ctx context.Context, r token.Record) (token.Record, error) {
	err := s.within(ctx, func(tx *tx) error {
		r.CreatedAt = now()
		_, err := tx.exec(ctx, `INSERT INTO tokens (id, name, hash, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
			r.ID, r.Name, common.Hash(r.Hash).Hex(), token.JoinScopes(r.Scopes), r.CreatedAt, numberOrNull(r.ExpiresAt))
		if err != nil {
			return err
		}
		entry := tokenEntry(r)
		entry.CreatedAt = 0 // the time of the entry is
		return appendEntry(ctx, tx, r.CreatedAt, audit.TokenCreated, 0, entry)
	})
	if err != nil {
		return token.Record{}, fmt.Errorf("journal token %s: %w", r.ID, err)
	}
	return r, nil
}

func tokenEntry(r token.Record) audit.Token {
	t := audit.Token{ID: r.ID, Name: r.Name, Hash: r.Hash, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, RevokedAt: r.RevokedAt}
	for _, s := range r.Scopes {
		t.Scopes = append(t.Scopes, string(s))
	}
	return t
}

// RevokeToken makes a token good for nothing, from now on and for good. To revoke it again changes nothing. The error is ErrNotFound if
// there is none with that id.
func (s *Store) RevokeToken(ctx context.Context, id string) error {
	err := s.within(ctx, func(tx *tx) error {
		var revoked bool
		err := tx.queryRow(ctx, `SELECT revoked_at IS NOT NULL FROM tokens WHERE id = ?`, id).Scan(&revoked)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil || revoked {
			return err
		}
		at := now()
		if _, err := tx.exec(ctx, `UPDATE tokens SET revoked_at = ? WHERE id = ?`, at, id); err != nil {
			return err
		}
		return appendEntry(ctx, tx, at, audit.TokenRevoked, 0, audit.TokenRevocation{ID: id})
	})
	if err != nil {
		return fmt.Errorf("revoke token %.12q: %w", id, err)
	}
	return nil
}

const tokenColumns = `id, name, hash, scopes, created_at, coalesce(expires_at, 0), coalesce(revoked_at, 0)`

// Token returns what is known of a token, and whether anything is.
func (s *Store) Token(ctx context.Context, id string) (r token.Record, known bool, err error) {
	err = s.read(ctx, func(db querier) (err error) {
		r, err = scanToken(db.queryRow(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE id = ?`, id))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return token.Record{}, false, nil
	}
	if err != nil {
		return token.Record{}, false, fmt.Errorf("read token %.12q: %w", id, err)
	}
	return r, true, nil
}

// Tokens lists all tokens, those that are good no more included, in the order in which they were made.
func (s *Store) Tokens(ctx context.Context) (out []token.Record, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		// an earlier release knew none, and a journal that is only read is not brought up to date
		if has, err := db.has(ctx, "tokens"); err != nil || !has {
			return err
		}
		return each(ctx, db, `SELECT `+tokenColumns+` FROM tokens ORDER BY created_at, id`, func(rows *sql.Rows) error {
			r, err := scanToken(rows)
			out = append(out, r)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	return out, nil
}

// scanToken refuses what CreateToken does not write: a row that somebody made by hand opens nothing.
func scanToken(row interface{ Scan(...any) error }) (r token.Record, err error) {
	var hash, scopes string
	if err := row.Scan(&r.ID, &r.Name, &hash, &scopes, &r.CreatedAt, &r.ExpiresAt, &r.RevokedAt); err != nil {
		return token.Record{}, err
	}
	h := common.HexToHash(hash)
	if h.Hex() != hash {
		return token.Record{}, fmt.Errorf("the hash of token %.12q is not written as one is", r.ID)
	}
	if r.Scopes, err = token.SplitScopes(scopes); err != nil {
		return token.Record{}, fmt.Errorf("the scopes of token %.12q are %.100q: %w", r.ID, scopes, err)
	}
	r.Hash = h
	return r, nil
}
