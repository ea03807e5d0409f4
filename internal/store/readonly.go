package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

func openSQLiteReadOnly(ctx context.Context, path string) (*Store, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	// Without a program that has it open, SQLite would make files beside it, or could not in a folder that must not be written;
	// but then nobody changes it while it is copied.
	open := isOpen(path)
	if open {
		if s, err := openReadOnly(ctx, path); err == nil {
			return s, nil
		}
		// left by a program that was killed, in a folder that must not be written
	}
	dir, err := os.MkdirTemp("", "lockstep-journal-")
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	s, err := openCopy(ctx, path, dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), os.RemoveAll(dir))
	}
	if !open && isOpen(path) {
		// opened while it was copied: the copy may be of two times
		if err := s.Close(); err != nil {
			return nil, err
		}
		return openSQLiteReadOnly(ctx, path)
	}
	return s, nil
}

// isOpen tells whether a program has the journal open, or was killed while it had.
func isOpen(path string) bool {
	_, err := os.Stat(path + "-shm")
	return err == nil
}

func openReadOnly(ctx context.Context, path string) (*Store, error) {
	db, err := openFile(path, url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)"}})
	if err != nil {
		return nil, err
	}
	s := newStore(db, sqlite{}, "")
	version, err := querier{db, s.engine}.version(ctx)
	if err == nil && version == neverBegun {
		err = &NoJournalError{"it is a SQLite database, and no journal"}
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func openCopy(ctx context.Context, path, dir string) (*Store, error) {
	to := filepath.Join(dir, "journal.db")
	if err := copyJournal(path, to); err != nil {
		return nil, err
	}
	s, err := openReadOnly(ctx, to)
	if err != nil {
		return nil, err
	}
	s.copied = dir
	return s, nil
}

// copyJournal copies the file of a journal that nobody changes, and its log, if there is one.
func copyJournal(path, to string) error {
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(path+suffix, to+suffix); err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
