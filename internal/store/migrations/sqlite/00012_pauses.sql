-- +goose Up

-- Decisions to pause a dispatcher because of an alert, and what has come of each. Those that are sent have a transaction, which is open until they
-- have another outcome. Times ending in _ms are of the clock of the database; the block is the one that showed the offence.
CREATE TABLE pauses (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    chain_id     INTEGER NOT NULL,
    dispatcher   TEXT    NOT NULL,
    fingerprint  TEXT    NOT NULL CHECK (fingerprint <> ''), -- of the alert
    rule         TEXT    NOT NULL,
    reason       TEXT    NOT NULL, -- what the alert says
    mode         TEXT    NOT NULL CHECK (mode IN ('on', 'dry-run')),
    decided_ms   INTEGER NOT NULL,
    block_chain  INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    block_hash   TEXT    NOT NULL,
    block_time   INTEGER NOT NULL,
    outcome      TEXT    NOT NULL
        CHECK (outcome IN ('sent', 'dry-run', 'limited', 'refused', 'already paused', 'landed', 'failed')),
    note         TEXT    NOT NULL, -- why it is so
    tx           INTEGER REFERENCES transactions (id),
    took_ms      INTEGER NOT NULL, -- from the arrival of the block until somebody had the transaction; 0 if that is not known
    CHECK (outcome NOT IN ('sent', 'landed', 'failed') OR mode = 'on' AND tx IS NOT NULL),
    CHECK (outcome <> 'dry-run' OR mode = 'dry-run')
) STRICT;
CREATE INDEX pauses_open ON pauses (chain_id) WHERE outcome = 'sent';
CREATE INDEX pauses_decided ON pauses (chain_id, decided_ms);

-- +goose Down
DROP TABLE pauses;
