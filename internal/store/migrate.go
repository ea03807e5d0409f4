package store

import (
	"context"
	"errors"
	"slices"
)

// Pending tells the version of a journal's schema, and what would bring it up to date. Nothing is changed.
func Pending(ctx context.Context, where string) (version int64, pending []Migration, err error) {
	s, err := OpenReadOnly(ctx, where)
	if err != nil {
		return 0, nil, err
	}
	err = s.read(ctx, func(db querier) (err error) {
		version, err = db.version(ctx)
		return err
	})
	pending = slices.DeleteFunc(steps(s.engine), func(m Migration) bool { return m.Version <= version })
	return version, pending, errors.Join(err, s.Close())
}

// Migrate brings the schema of a journal up to date, and begins an audit log for project if there is none, as Open does.
// It returns what Pending did before. There must be a journal.
func Migrate(ctx context.Context, where, project string) (from int64, done []Migration, err error) {
	from, done, err = Pending(ctx, where)
	if err != nil {
		return 0, nil, err
	}
	s, err := Open(ctx, where, project)
	if err != nil {
		return 0, nil, err
	}
	return from, done, s.Close()
}
