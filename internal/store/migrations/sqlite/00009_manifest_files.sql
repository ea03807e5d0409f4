-- +goose Up

-- Other files of a manifest whose root is known: the same routes, built for other networks. The first file of a root is in manifests.
CREATE TABLE manifest_files (
    sha256     TEXT    NOT NULL PRIMARY KEY,
    root       TEXT    NOT NULL REFERENCES manifests (root),
    body       BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX manifest_files_root ON manifest_files (root);

-- +goose Down
DROP TABLE manifest_files;
