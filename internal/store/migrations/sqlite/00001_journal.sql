-- +goose Up
CREATE TABLE manifests (
    root        TEXT    NOT NULL PRIMARY KEY,
    routes_root TEXT    NOT NULL,
    body        BLOB    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

-- One run of a manifest on one network. At most one is running per dispatcher.
CREATE TABLE rollouts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    chain_id    INTEGER NOT NULL,
    dispatcher  TEXT    NOT NULL,
    root        TEXT    NOT NULL,
    manifest    TEXT    NOT NULL REFERENCES manifests (root),
    epoch       INTEGER NOT NULL,
    after       INTEGER NOT NULL, -- the last transaction on the network when it began
    status      TEXT    NOT NULL CHECK (status IN ('running', 'done', 'abandoned')),
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE UNIQUE INDEX rollouts_running ON rollouts (chain_id, dispatcher) WHERE status = 'running';

-- Every transaction, signed, before it is sent. A nonce of a signer on a network stands here once.
CREATE TABLE transactions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    chain_id     INTEGER NOT NULL,
    signer       TEXT    NOT NULL,
    nonce        INTEGER NOT NULL,
    step         TEXT    NOT NULL,
    hash         TEXT    NOT NULL UNIQUE,
    raw          BLOB    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('signed', 'confirmed', 'reverted')),
    block_number INTEGER,
    block_hash   TEXT,
    gas_used     INTEGER,
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER,
    UNIQUE (chain_id, signer, nonce)
) STRICT;
CREATE INDEX transactions_open ON transactions (chain_id, signer) WHERE status = 'signed';

-- +goose Down
DROP TABLE transactions;
DROP TABLE rollouts;
DROP TABLE manifests;
