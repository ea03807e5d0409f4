-- +goose Up

-- Messages that sinks are to be told, in the order of their numbers. What a sink has taken is taken out, unless it stands: then it is said again
-- while its alert fires. Times ending in _ms are of the clock of the database.
CREATE TABLE notices (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL,
    sink        TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL, -- of the alert; empty if it is about none
    severity    TEXT    NOT NULL CHECK (severity IN ('critical', 'high', 'warning', 'info')),
    body        TEXT    NOT NULL, -- JSON
    standing    INTEGER NOT NULL CHECK (standing IN (0, 1)),
    batch       TEXT    NOT NULL, -- the id of the summary that it is in; empty if it is in none
    attempts    INTEGER NOT NULL,
    error       TEXT    NOT NULL, -- of the last attempt
    queued_ms   INTEGER NOT NULL,
    next_ms     INTEGER NOT NULL, -- before which it is left alone
    claim       TEXT    NOT NULL, -- of who sends it; empty if nobody does
    claimed_ms  INTEGER NOT NULL, -- until when
    UNIQUE (sink, id)
) STRICT;
CREATE INDEX notices_of ON notices (sink, number);

-- What is remembered of sinks, and how much of its limit is left to each, in thousandths of a message.
CREATE TABLE notice_sinks (
    sink      TEXT    NOT NULL PRIMARY KEY,
    tokens    INTEGER NOT NULL,
    filled_ms INTEGER NOT NULL, -- when tokens was so
    held_ms   INTEGER NOT NULL, -- before which it is told nothing that is not critical
    failures  INTEGER NOT NULL, -- since it has taken something
    sent_at   INTEGER NOT NULL, -- 0 if it never took anything
    error     TEXT    NOT NULL,
    error_at  INTEGER NOT NULL,
    lost      INTEGER NOT NULL  -- messages that it refused, or that grew too old
) STRICT;

-- +goose Down
DROP TABLE notice_sinks;
DROP TABLE notices;
