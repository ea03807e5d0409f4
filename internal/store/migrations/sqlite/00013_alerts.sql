-- +goose Up

-- An alert, from when it is raised until it is resolved. The body is what it says now; the columns are what the audit log tells of it as well.
CREATE TABLE alerts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('firing', 'resolved')),
    rule        TEXT    NOT NULL,
    severity    TEXT    NOT NULL,
    network     TEXT    NOT NULL, -- empty if it is about several
    chain_id    INTEGER NOT NULL,
    subject     TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    confirmed   INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    level       INTEGER NOT NULL, -- of its escalation that was told
    acked_by    TEXT    NOT NULL, -- empty while nobody has
    acked_at    INTEGER,
    note        TEXT    NOT NULL, -- of whoever acknowledged it
    resolution  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE UNIQUE INDEX alerts_firing ON alerts (fingerprint) WHERE state = 'firing';

-- Nothing follows from alerts that a silence covers.
CREATE TABLE silences (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    rule       TEXT    NOT NULL,
    network    TEXT    NOT NULL, -- empty for all
    subject    TEXT    NOT NULL, -- a pattern; empty for all
    until      INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    made_by    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER -- before its time
) STRICT;

-- Up to which block of a network what happened was shown to the rules.
CREATE TABLE watched (
    chain_id     INTEGER NOT NULL PRIMARY KEY,
    block_number INTEGER NOT NULL,
    block_hash   TEXT    NOT NULL,
    block_time   INTEGER NOT NULL
) STRICT;

-- What opens the page on which an alert is acknowledged. The secret of one is nowhere: what is kept is its SHA-256.
CREATE TABLE alert_links (
    hash       TEXT    NOT NULL PRIMARY KEY,
    alert      INTEGER NOT NULL REFERENCES alerts (id),
    receiver   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;

-- +goose Down
DROP TABLE alert_links;
DROP TABLE watched;
DROP TABLE silences;
DROP TABLE alerts;
