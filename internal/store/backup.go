package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// Backup copies a journal of either engine, as it is at one moment whoever writes it, into a new SQLite file, which is a journal as
// well. The copy is verified, and then gets its name: there is a whole one or none. What is there already is only written over if force
// is set. A journal whose audit log is not sound gives an audit.UnsoundError and no copy.
func Backup(ctx context.Context, where, file string, force bool) (c Copy, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("back up %s to %s: %w", Name(where), Name(file), err)
		}
	}()
	if err := mayWrite(file, where, force); err != nil {
		return Copy{}, err
	}
	s, err := OpenReadOnly(ctx, where)
	if err != nil {
		return Copy{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.tmp") // for this user alone
	if err != nil {
		return Copy{}, err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // unless it has got its name
	defer func() { err = errors.Join(err, tmp.Close()) }()
	err = s.view(ctx, func(from querier) (err error) {
		if err := tmp.Truncate(0); err != nil { // this may be the second time
			return err
		}
		c, err = backUp(ctx, from, tmp.Name())
		return sqlite{}.explain(err)
	})
	if err != nil {
		return Copy{}, err
	}
	if err := verifyCopy(ctx, tmp.Name(), &c); err != nil {
		return Copy{}, err
	}
	if err := tmp.Sync(); err != nil {
		return Copy{}, err
	}
	return c, publish(tmp.Name(), file, force)
}

// mayWrite refuses what a backup must not replace.
func mayWrite(file, journal string, force bool) error {
	if isURL(file) {
		return errors.New("a backup is a file: name one; db restore takes it into a database")
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if _, err := os.Lstat(file + suffix); err == nil {
			return fmt.Errorf("%s is there, so a program uses the file, or was killed while it did: name another file", file+suffix)
		}
	}
	old, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !force:
		return errExists
	case !old.Mode().IsRegular():
		return errors.New("that is no file: name one")
	}
	if source, err := os.Stat(journal); err == nil && os.SameFile(source, old) {
		return errors.New("that is the journal itself: name another file")
	}
	return nil
}

var errExists = errors.New("the file is there already: name another one, or write over it with --force")

// backUp writes the file.
func backUp(ctx context.Context, from querier, file string) (c Copy, err error) {
	if c.Version, err = from.version(ctx); err != nil {
		return Copy{}, err
	}
	if c.Version == neverBegun {
		return Copy{}, &NoJournalError{noVersion}
	}
	to, err := openBlank(ctx, file, c.Version)
	if err != nil {
		return Copy{}, err
	}
	defer func() { err = errors.Join(err, to.db.Close()) }()
	tables, err := tables(ctx, querier{to.db, to.engine})
	if err != nil {
		return Copy{}, err
	}
	tx, err := to.db.BeginTx(ctx, nil)
	if err != nil {
		return Copy{}, err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if c.Tables, err = copyTables(ctx, from, querier{tx, to.engine}, tables); err != nil {
		return Copy{}, err
	}
	if c.Version >= auditSince {
		if c.Tip, err = tip(ctx, from); err != nil {
			return Copy{}, err
		}
	}
	return c, tx.Commit()
}

// verifyCopy reads a copy as it is on the disk.
func verifyCopy(ctx context.Context, file string, c *Copy) (err error) {
	s, err := openReadOnly(ctx, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	db := querier{s.db, s.engine}
	tables, err := tables(ctx, db)
	if err != nil {
		return err
	}
	problems, err := s.engine.integrity(ctx, db, tables)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("the copy is damaged: %s", problems[0])
	}
	if err := mustHold(ctx, db, tables, c.Tables); err != nil || c.Version < auditSince {
		return err
	}
	report, err := sound(ctx, db)
	if err != nil {
		return err
	}
	if report.Tip != c.Tip {
		return fmt.Errorf("the log of the copy ends with entry %d, that of the journal with %d", report.Tip.Seq, c.Tip.Seq)
	}
	c.Project = report.Project
	return nil
}

// publish gives a file that is whole its name.
func publish(tmp, file string, force bool) error {
	if force {
		if err := os.Rename(tmp, file); err != nil {
			return err
		}
		return syncDir(filepath.Dir(file))
	}
	err := os.Link(tmp, file) // unlike a rename, it replaces nothing
	if errors.Is(err, fs.ErrExist) {
		return errExists
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// openBackup opens a copy of a backup in a folder, brings it up to date, and verifies it. c is what is in the backup itself.
func openBackup(ctx context.Context, file, dir string) (s *Store, c Copy, err error) {
	if isURL(file) {
		return nil, c, errors.New("a backup is a file: db backup makes one of a database")
	}
	if isOpen(file) {
		return nil, c, errors.New("a program uses the file, or was killed while it did: take a copy with lockstep db backup --journal, and restore that")
	}
	path := filepath.Join(dir, "journal.db")
	if err := copyJournal(file, path); err != nil {
		return nil, c, err
	}
	db, err := openFile(path, map[string][]string{"_pragma": {"synchronous(off)", "foreign_keys(1)"}})
	if err != nil {
		return nil, c, err
	}
	s = newStore(db, sqlite{}, "")
	if err := s.takeUp(ctx, &c); err != nil {
		return nil, c, errors.Join(s.engine.explain(err), db.Close())
	}
	return s, c, nil
}

// takeUp is openBackup of the copy.
func (s *Store) takeUp(ctx context.Context, c *Copy) (err error) {
	db := querier{s.db, s.engine}
	if c.Version, err = db.version(ctx); err != nil {
		return err
	}
	if c.Version == neverBegun {
		return &NoJournalError{"it is a SQLite database, and no journal"}
	}
	before, err := journalTables(ctx, min(c.Version, known(s.engine)))
	if err != nil {
		return err
	}
	problems, err := s.engine.integrity(ctx, db, before)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("it is damaged (%s): take another copy", problems[0])
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if c.Version < auditSince {
		if err := s.beginAudit(ctx); err != nil {
			return err
		}
	}
	var report audit.Report
	if report, err = sound(ctx, db); err != nil {
		return err
	}
	c.Tip, c.Project = report.Tip, report.Project
	return nil
}
