package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestPool leads to where the journal is, with its settings, and is none if that is a file.
func TestPool(t *testing.T) {
	if pool, schema, err := fresh(t).Pool(t.Context()); pool != nil || schema != "" || err != nil {
		t.Errorf("of a file: %v, %q, %v", pool, schema, err)
	}
	d := newDatabase(t)
	must(t, dial(t, d.url), `CREATE SCHEMA "My ""project"""`)
	for where, want := range map[string]string{d.url: "public", d.url + `&search_path=%22My%20%22%22project%22%22%22`: `My "project"`} {
		s := open(t, where)
		pool, schema, err := s.Pool(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if schema != want {
			t.Errorf("schema %q, want %q", schema, want)
		}
		var current, path, commit string
		err = pool.QueryRow(t.Context(), `SELECT current_schema(), current_setting('search_path'), current_setting('synchronous_commit')`).Scan(&current, &path, &commit)
		if err != nil || current != want || strings.Contains(path, "public") != (want == "public") || commit != "on" {
			t.Errorf("schema %q by path %q, synchronous_commit %s, %v", current, path, commit, err)
		}
		if _, err := pool.Exec(t.Context(), `SELECT count(*) FROM audit`); err != nil {
			t.Error(err)
		}
		pool.Close()
		mustBeSound(t, s) // it has connections of its own
	}
}

// TestAlone lets one process after the other do something, also after one has not succeeded or has ended.
func TestAlone(t *testing.T) {
	const processes = 6
	d := newDatabase(t)
	var inside, done atomic.Int64
	odd := errors.New("odd")
	var group sync.WaitGroup
	for i := range processes {
		s := open(t, d.url)
		group.Go(func() {
			err := s.Alone(t.Context(), func() error {
				if inside.Add(1) != 1 {
					t.Error("two are alone")
				}
				defer inside.Add(-1)
				time.Sleep(20 * time.Millisecond)
				done.Add(1)
				if i%2 == 0 {
					return odd
				}
				return nil
			})
			if errors.Is(err, odd) != (i%2 == 0) || err != nil && !errors.Is(err, odd) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	group.Wait()
	if done.Load() != processes {
		t.Errorf("%d have had their turn", done.Load())
	}
	// nobody migrates meanwhile, and who is told to stop waits no longer
	s := open(t, d.url)
	err := s.Alone(t.Context(), func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if other, err := Open(ctx, d.url, ""); err == nil {
			t.Error("another has brought the schema up to date meanwhile")
			_ = other.Close()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	// one whose connection is lost does not keep the others from it
	err = s.Alone(t.Context(), func() error {
		terminate(t, d.url)
		return open(t, d.url).Alone(t.Context(), func() error { return nil })
	})
	if err != nil {
		t.Error(err)
	}
}
