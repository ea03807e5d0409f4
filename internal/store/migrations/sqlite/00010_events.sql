-- +goose Up

-- What contracts that are watched have logged: the log as it stands on the chain, and what it says. Hashes, addresses and topics are bytes, since there
-- are many. A log that is none of its kind's events has no name and no fields. All of this follows from the chain, so nothing of it is in the audit log.
CREATE TABLE events (
    chain_id     INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    log_index    INTEGER NOT NULL, -- in the block
    block_hash   BLOB    NOT NULL,
    block_time   INTEGER NOT NULL,
    tx_hash      BLOB    NOT NULL,
    tx_index     INTEGER NOT NULL,
    address      BLOB    NOT NULL,
    kind         TEXT    NOT NULL, -- of contract
    name         TEXT    NOT NULL,
    fields       TEXT,             -- JSON
    topics       BLOB    NOT NULL, -- one after the other
    data         BLOB    NOT NULL,
    PRIMARY KEY (chain_id, block_number, log_index)
) STRICT;
CREATE INDEX events_name ON events (chain_id, name, block_number, log_index);
CREATE INDEX events_tx ON events (tx_hash);

-- Headers by which a reorganisation is found and taken back: of all blocks that are not final, and of those that hold events.
CREATE TABLE event_blocks (
    chain_id INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    parent   BLOB,   -- NULL if it was not asked for
    time     INTEGER NOT NULL,
    PRIMARY KEY (chain_id, number)
) STRICT;

-- Which blocks of a contract are indexed, without a gap: from the first to the one before next_block.
CREATE TABLE indexed (
    chain_id   INTEGER NOT NULL,
    address    BLOB    NOT NULL,
    kind       TEXT    NOT NULL,
    from_block INTEGER NOT NULL,
    next_block INTEGER NOT NULL,
    PRIMARY KEY (chain_id, address)
) STRICT;

-- The newest block that was final by the rule of its network.
CREATE TABLE final_blocks (
    chain_id INTEGER NOT NULL PRIMARY KEY,
    number   INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    time     INTEGER NOT NULL
) STRICT;

-- Calls that a contract refused: of transactions, whose hash is known, and of our own that were not sent.
CREATE TABLE refused (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    chain_id     INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    block_hash   BLOB    NOT NULL,
    block_time   INTEGER NOT NULL,
    contract     BLOB    NOT NULL,
    tx_hash      BLOB,
    sender       BLOB    NOT NULL,
    selector     TEXT    NOT NULL,
    error        TEXT    NOT NULL, -- empty if it is none that the kind of contract has
    fields       TEXT,             -- of the error, JSON
    data         BLOB    NOT NULL,
    source       TEXT    NOT NULL CHECK (source IN ('block', 'simulation', 'relay'))
) STRICT;
CREATE INDEX refused_block ON refused (chain_id, block_number);

-- What logs do not tell of the transactions of upgrades.
CREATE TABLE event_transactions (
    chain_id     INTEGER NOT NULL,
    tx_hash      BLOB    NOT NULL,
    block_number INTEGER NOT NULL,
    gas_used     INTEGER NOT NULL,
    pages        TEXT    NOT NULL, -- that it staged, JSON
    PRIMARY KEY (chain_id, tx_hash)
) STRICT;
CREATE INDEX event_transactions_pages ON event_transactions (chain_id, block_number) WHERE pages <> '[]';

-- What became of each commitment, as it follows from the events. Times are of blocks, 0 before it has come to that.
CREATE TABLE upgrades (
    chain_id     INTEGER NOT NULL,
    block_number INTEGER NOT NULL, -- of the commit
    log_index    INTEGER NOT NULL,
    tx_hash      BLOB    NOT NULL,
    dispatcher   BLOB    NOT NULL,
    root         BLOB    NOT NULL,
    routes_root  BLOB,             -- NULL while it is not known
    epoch        INTEGER NOT NULL,
    eta          INTEGER NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('COMMITTED', 'APPLIED', 'ACTIVATED', 'FAILED', 'CANCELLED', 'EXPIRED')),
    committed_at INTEGER NOT NULL,
    applied_at   INTEGER NOT NULL,
    activated_at INTEGER NOT NULL,
    ended_at     INTEGER NOT NULL,
    gas_used     INTEGER NOT NULL,
    selectors    TEXT    NOT NULL, -- JSON
    settled      INTEGER NOT NULL CHECK (settled IN (0, 1)), -- event_transactions has all of its transactions
    PRIMARY KEY (chain_id, block_number, log_index)
) STRICT;
CREATE INDEX upgrades_root ON upgrades (root);
CREATE INDEX upgrades_unsettled ON upgrades (chain_id, block_number, log_index) WHERE settled = 0;

-- +goose Down
DROP TABLE upgrades;
DROP TABLE event_transactions;
DROP TABLE refused;
DROP TABLE final_blocks;
DROP TABLE indexed;
DROP TABLE event_blocks;
DROP TABLE events;
