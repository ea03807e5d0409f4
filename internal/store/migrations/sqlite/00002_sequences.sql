-- +goose Up
-- A transaction that was journalled before this may have been sent, so it is released. One that was replaced may still land
-- instead of the one that replaces it; when one of them is final, the others are dropped. One that was final and that a reorganisation took
-- back is lost.
CREATE TABLE transactions_2 (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    chain_id     INTEGER NOT NULL,
    signer       TEXT    NOT NULL,
    nonce        INTEGER NOT NULL,
    step         TEXT    NOT NULL,
    hash         TEXT    NOT NULL,
    raw          BLOB    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('signed', 'released', 'replaced', 'confirmed', 'reverted', 'dropped', 'lost', 'void')),
    replaces     INTEGER REFERENCES transactions_2 (id),
    block_number INTEGER,
    block_hash   TEXT,
    gas_used     INTEGER,
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER
) STRICT;
INSERT INTO transactions_2 (id, chain_id, signer, nonce, step, hash, raw, status, block_number, block_hash, gas_used, created_at, finished_at)
    SELECT id, chain_id, signer, nonce, step, hash, raw, CASE status WHEN 'signed' THEN 'released' ELSE status END,
        block_number, block_hash, gas_used, created_at, finished_at FROM transactions;
DROP TABLE transactions;
ALTER TABLE transactions_2 RENAME TO transactions;
-- A nonce of a signer on a network stands here once, but for what was replaced. What is void was never sent, so its nonce is
-- free, and the same may be signed again.
CREATE UNIQUE INDEX transactions_nonce ON transactions (chain_id, signer, nonce) WHERE status NOT IN ('void', 'replaced', 'dropped', 'lost');
CREATE UNIQUE INDEX transactions_hash ON transactions (hash) WHERE status NOT IN ('void', 'lost');
CREATE INDEX transactions_open ON transactions (chain_id, signer) WHERE status IN ('signed', 'released', 'replaced');

-- The nonces of a signer that somebody else's journal accounts for: an operator said so.
CREATE TABLE adopted_nonces (
    chain_id   INTEGER NOT NULL,
    signer     TEXT    NOT NULL,
    next_nonce INTEGER NOT NULL,
    adopted_at INTEGER NOT NULL,
    PRIMARY KEY (chain_id, signer)
) STRICT;

-- +goose Down
DROP TABLE adopted_nonces;
DELETE FROM transactions WHERE status IN ('void', 'replaced', 'dropped', 'lost');
CREATE TABLE transactions_1 (
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
INSERT INTO transactions_1 (id, chain_id, signer, nonce, step, hash, raw, status, block_number, block_hash, gas_used, created_at, finished_at)
    SELECT id, chain_id, signer, nonce, step, hash, raw, CASE status WHEN 'released' THEN 'signed' ELSE status END,
        block_number, block_hash, gas_used, created_at, finished_at FROM transactions;
DROP TABLE transactions;
ALTER TABLE transactions_1 RENAME TO transactions;
CREATE INDEX transactions_open ON transactions (chain_id, signer) WHERE status = 'signed';
