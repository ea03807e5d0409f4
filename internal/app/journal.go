package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// What the command line prints of a journal.
type (
	JournalHealth   = store.Health
	JournalProblem  = store.Problem
	JournalCopy     = store.Copy
	RestoredJournal = store.Restored
	TableRows       = store.TableRows
	Migration       = store.Migration
)

// Migrations are the steps of a journal's schema.
type Migrations struct {
	From, To int64 // versions
	Steps    []Migration
}

// MigrateJournal brings the schema of a journal up to date, or tells what would.
func MigrateJournal(ctx context.Context, journal, project string, dryRun bool) (m Migrations, err error) {
	if dryRun {
		m.From, m.Steps, err = store.Pending(ctx, journal)
	} else {
		m.From, m.Steps, err = store.Migrate(ctx, journal, project)
	}
	m.To = m.From
	if n := len(m.Steps); n > 0 {
		m.To = m.Steps[n-1].Version
	}
	return m, noJournal(journal, err)
}

// BackUpJournal copies a journal into a file. A journal whose log is not sound gives an audit.UnsoundError.
func BackUpJournal(ctx context.Context, journal, file string, force bool) (JournalCopy, error) {
	c, err := store.Backup(ctx, journal, file, force)
	return c, noJournal(journal, err)
}

// RestoreJournal makes a journal from a backup.
func RestoreJournal(ctx context.Context, file, journal, project string) (RestoredJournal, error) {
	return store.Restore(ctx, file, journal, project)
}

// CheckJournal looks for whatever can be wrong with a journal, and changes nothing.
func CheckJournal(ctx context.Context, journal string, head *audit.Head, signers ...common.Address) (JournalHealth, error) {
	h, err := store.Check(ctx, journal, head, signers...)
	return h, noJournal(journal, err)
}

// noJournal says in words of the command line that there is none.
func noJournal(journal string, err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) && errors.Is(err, fs.ErrNotExist) && path.Path == journal {
		return fmt.Errorf("there is no journal %s: it is begun by the first deploy; name another one with --journal", journal)
	}
	return err
}
