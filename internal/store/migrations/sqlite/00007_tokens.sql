-- +goose Up
-- API tokens. The secret of one is nowhere: what is kept is its SHA-256.
CREATE TABLE tokens (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    hash       TEXT    NOT NULL UNIQUE,
    scopes     TEXT    NOT NULL, -- with spaces between them
    created_at INTEGER NOT NULL,
    expires_at INTEGER, -- nothing if it never does
    revoked_at INTEGER
) STRICT;

-- +goose Down
DROP TABLE tokens;
