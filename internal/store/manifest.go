package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// SaveManifest keeps a manifest's file by its root, and another file with that root, which was built for other networks, by its SHA-256. To save
// one again changes nothing.
func (s *Store) SaveManifest(ctx context.Context, root, routesRoot common.Hash, body []byte) error {
	err := s.within(ctx, func(tx *tx) error {
		at, entry := now(), manifestEntry(root, routesRoot, body)
		var known []byte
		err := tx.queryRow(ctx, `SELECT body FROM manifests WHERE root = ?`, root.Hex()).Scan(&known)
		kind, insert, args := audit.ManifestAdded, `INSERT INTO manifest_files (sha256, root, body, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			[]any{entry.SHA256.Hex(), root.Hex(), body, at}
		switch {
		case errors.Is(err, sql.ErrNoRows):
			kind, insert = audit.ManifestSaved, `INSERT INTO manifests (root, routes_root, body, created_at) VALUES (?, ?, ?, ?)`
			args = []any{root.Hex(), routesRoot.Hex(), body, at}
		case err != nil:
			return err
		case bytes.Equal(known, body):
			return nil
		}
		res, err := tx.exec(ctx, insert, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return appendEntry(ctx, tx, at, kind, 0, entry)
	})
	if err != nil {
		return fmt.Errorf("journal manifest %s: %w", root, err)
	}
	return nil
}

// Manifest returns the file of a manifest by its root or its routesRoot. Several manifests may share a routesRoot, and
// then have the same routes.
func (s *Store) Manifest(ctx context.Context, root common.Hash) ([]byte, error) {
	var body []byte
	err := s.read(ctx, func(db querier) error {
		return db.queryRow(ctx, `SELECT body FROM manifests WHERE root = ? OR routes_root = ?
			ORDER BY root = ? DESC, created_at LIMIT 1`, root.Hex(), root.Hex(), root.Hex()).Scan(&body)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("manifest %s: %w", root, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", root, err)
	}
	return body, nil
}

// ManifestFiles returns all files with a manifest's root, the newest first.
func (s *Store) ManifestFiles(ctx context.Context, root common.Hash) (out [][]byte, err error) {
	err = s.view(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, `SELECT body FROM (SELECT body, created_at, 0 AS first FROM manifest_files WHERE root = ?
			UNION ALL SELECT body, created_at, 1 AS first FROM manifests WHERE root = ?) AS files ORDER BY first, created_at DESC`, func(rows *sql.Rows) error {
			var body []byte
			err := rows.Scan(&body)
			out = append(out, body)
			return err
		}, root.Hex(), root.Hex())
	})
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", root, err)
	}
	return out, nil
}

// ManifestFile returns the file with a manifest's root that has a SHA-256; the error is ErrNotFound if there is none.
func (s *Store) ManifestFile(ctx context.Context, root, sum common.Hash) ([]byte, error) {
	files, err := s.ManifestFiles(ctx, root)
	if err != nil {
		return nil, err
	}
	for _, body := range files {
		if sha256.Sum256(body) == sum {
			return body, nil
		}
	}
	return nil, fmt.Errorf("manifest %s with the file %s: %w", root, sum, ErrNotFound)
}

// takeManifest is take for another file of a manifest.
func (l *ledger) takeManifest(e audit.Entry) error {
	if e.Kind != audit.ManifestAdded {
		return nil
	}
	var m audit.Manifest
	if err := json.Unmarshal(e.Body, &m); err != nil {
		return err
	}
	if l.rows[subject{what: "manifest", root: m.Root}] == nil {
		l.wrong(e.Seq, "another file of manifest %s is added, which has none", m.Root)
	}
	m.CreatedAt, m.RoutesRoot = e.Time, common.Hash{}
	l.add(e, subject{what: "manifest file", root: m.SHA256}, &m)
	return nil
}

func (r *journalRows) readManifestFiles(ctx context.Context, db querier) error {
	if begun, err := db.has(ctx, "manifest_files"); err != nil || !begun {
		return err // of an earlier release
	}
	err := each(ctx, db, `SELECT sha256, root, body, created_at FROM manifest_files ORDER BY created_at, sha256`, func(rows *sql.Rows) error {
		var sum, root string
		var body []byte
		m := audit.Manifest{}
		if err := rows.Scan(&sum, &root, &body, &m.CreatedAt); err != nil {
			return err
		}
		m.Root, m.SHA256 = r.hash(root), r.hash(sum)
		if sha256.Sum256(body) != m.SHA256 {
			r.odd = append(r.odd, fmt.Sprintf("the manifest file %s in the journal is another one", m.SHA256))
		}
		r.manifestFiles = append(r.manifestFiles, m)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read files of manifests: %w", err)
	}
	return nil
}
