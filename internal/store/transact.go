package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// errDone says that what a transaction was to do is done: by the same transaction, whose commit was in doubt, or by another.
var errDone = errors.New("done")

// within runs f in one transaction, while nobody else writes. f may be run again, after a connection broke and what it did was
// taken back.
func (s *Store) within(ctx context.Context, f func(*tx) error) error {
	var until time.Time
	for {
		committing, err := s.attempt(ctx, f)
		if err == nil || !s.engine.broken(err) {
			return s.engine.explain(err)
		}
		if committing != nil {
			committed, lookErr := s.committed(ctx, *committing)
			if lookErr != nil {
				return fmt.Errorf("the connection broke while this was written (%w), and whether it was cannot be seen (%w): run the command again "+
					"when the server is back; it reads the journal before it does anything", err, lookErr)
			}
			if committed {
				return nil
			}
		}
		if !s.await(ctx, &until) {
			return s.engine.explain(err)
		}
	}
}

// attempt runs f in a transaction. If an error comes from its commit, committing is the last entry that it has written to the audit log.
func (s *Store) attempt(ctx context.Context, f func(*tx) error) (committing *audit.Tip, err error) {
	session, err := s.engine.begin(ctx, s.db, true)
	if err != nil {
		return nil, err
	}
	defer func() {
		_ = session.Rollback()                     // of one that a panic has left open: its connection could not be given back
		if freeErr := session.free(); err != nil { // what is committed is committed
			err = errors.Join(err, freeErr)
		}
	}()
	t := &tx{querier: querier{session, s.engine}, conn: session.conn}
	// a later release may have changed the schema since this program has opened the journal
	version, err := t.versionOfJournal(ctx)
	if err == nil {
		err = refuseNewer(s.engine, version)
	}
	if err == nil {
		err = s.mustHold(ctx, t.querier)
	}
	if err != nil {
		return nil, s.rollback(session, err)
	}
	if err := f(t); err != nil {
		if errors.Is(err, errDone) {
			err = nil // there is nothing to commit, nor to be in doubt about
		}
		return nil, s.rollback(session, err)
	}
	if err := session.Commit(); err != nil {
		if !t.wrote {
			return nil, err // there is nothing to be committed
		}
		return t.tip, err
	}
	return nil, nil
}

// rollback ends a transaction because of an error. One whose connection is lost has ended.
func (s *Store) rollback(tx session, err error) error {
	if rollbackErr := tx.Rollback(); rollbackErr != nil && !s.engine.broken(rollbackErr) {
		return errors.Join(err, rollbackErr)
	}
	return err
}

// committed tells whether the transaction that wrote an entry of the audit log was committed, after its connection broke.
// Nobody can be told to stop meanwhile: it must be known what was written.
func (s *Store) committed(ctx context.Context, last audit.Tip) (is bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience)
	defer cancel()
	for {
		is, err = s.holds(ctx, last)
		if err == nil || !s.engine.broken(err) || pause(ctx) != nil {
			return is, err
		}
	}
}

// holds tells whether the audit log holds an entry. It waits for who writes to end, which may not have noticed that its client is gone.
func (s *Store) holds(ctx context.Context, e audit.Tip) (bool, error) {
	tx, err := s.engine.begin(ctx, s.db, true)
	if err != nil {
		return false, err
	}
	var n int
	err = querier{tx, s.engine}.queryRow(ctx, `SELECT count(*) FROM audit WHERE seq = ? AND hash = ?`, e.Seq, e.Hash.Hex()).Scan(&n)
	return n > 0, errors.Join(s.rollback(tx, err), tx.free())
}

// view runs f with one view of all tables. f may be run again.
func (s *Store) view(ctx context.Context, f func(querier) error) error {
	return s.read(ctx, func(querier) (err error) {
		tx, err := s.engine.begin(ctx, s.db, false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, tx.free()) }()
		return s.rollback(tx, f(querier{tx, s.engine}))
	})
}

// read runs f, which makes one query. f may be run again.
func (s *Store) read(ctx context.Context, f func(querier) error) error {
	var until time.Time
	for {
		err := f(querier{s.db, s.engine})
		if !s.engine.broken(err) || !s.await(ctx, &until) {
			return s.engine.explain(err)
		}
	}
}

// await waits until a server that was there answers again. A server that goes down can still take a connection, so who goes on then may
// have to wait again: until is when it is given up, and is set the first time.
func (s *Store) await(ctx context.Context, until *time.Time) bool {
	if until.IsZero() {
		*until = time.Now().Add(s.patience)
	}
	ctx, cancel := context.WithDeadline(ctx, *until)
	defer cancel()
	for pause(ctx) == nil {
		if err := s.db.PingContext(ctx); !s.engine.broken(err) {
			return err == nil
		}
	}
	return false
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}
