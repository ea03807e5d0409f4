package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// CreateToken makes an API token that may do what its scopes say, for a time, or for ever if that is 0. Its secret is in what is returned, and
// nowhere else.
func (a *App) CreateToken(ctx context.Context, name string, scopes []token.Scope, lasts time.Duration) (token.Token, token.Record, error) {
	if err := a.openJournal(ctx); err != nil {
		return token.Token{}, token.Record{}, err
	}
	made, err := token.New(rand.Reader)
	if err != nil {
		return token.Token{}, token.Record{}, err
	}
	record := token.Record{ID: made.ID(), Name: name, Hash: made.Hash(), Scopes: scopes}
	if lasts > 0 {
		record.ExpiresAt = time.Now().Add(lasts).Unix()
	}
	if record, err = a.store.CreateToken(ctx, record); err != nil {
		return token.Token{}, token.Record{}, err
	}
	return made, record, nil
}

// RevokeToken makes a token good for nothing.
func (a *App) RevokeToken(ctx context.Context, id string) error {
	if err := a.openJournal(ctx); err != nil {
		return err
	}
	err := a.store.RevokeToken(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: see lockstep token list", err)
	}
	return err
}

// Tokens lists the tokens of a journal, of any project, and changes nothing.
func Tokens(ctx context.Context, journal string) (out []token.Record, err error) {
	s, err := store.OpenReadOnly(ctx, journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no journal %s: it is begun with the first token; name another one with --journal", journal)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Tokens(ctx)
}
