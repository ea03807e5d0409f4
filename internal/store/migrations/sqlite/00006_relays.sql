-- +goose Up
-- What is remembered of transactions that were given to relays, with the numbers in the order in which they were begun.
CREATE TABLE relay_records (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT    NOT NULL UNIQUE, -- by which relays know the submission
    chain_id INTEGER NOT NULL,
    body     TEXT    NOT NULL -- JSON
) STRICT;

-- Which records name a transaction.
CREATE TABLE relay_hashes (
    chain_id INTEGER NOT NULL,
    hash     TEXT    NOT NULL,
    record   INTEGER NOT NULL REFERENCES relay_records (number),
    PRIMARY KEY (chain_id, hash, record)
) STRICT;

-- What was measured of relays; the oldest of each relay are taken out.
CREATE TABLE relay_measurements (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    chain_id INTEGER NOT NULL,
    relay    TEXT    NOT NULL,
    record   TEXT    NOT NULL, -- id of the record
    outcome  TEXT    NOT NULL,
    head     INTEGER NOT NULL,
    hash     TEXT    NOT NULL, -- the first of those that it is about
    body     TEXT    NOT NULL, -- JSON
    UNIQUE (record, relay, outcome, head, hash)
) STRICT;
CREATE INDEX relay_measurements_of ON relay_measurements (chain_id, relay, number);

-- +goose Down
DROP TABLE relay_measurements;
DROP TABLE relay_hashes;
DROP TABLE relay_records;
