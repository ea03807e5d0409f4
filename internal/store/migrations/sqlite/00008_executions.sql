-- +goose Up

-- A plan that is being carried out, by lockstep serve or by a command. Released: all of its networks were let go at once.
CREATE TABLE executions (
    plan        TEXT    NOT NULL PRIMARY KEY REFERENCES plans (digest),
    status      TEXT    NOT NULL CHECK (status IN ('running', 'stopped', 'done')),
    served      INTEGER NOT NULL CHECK (served IN (0, 1)),
    released    INTEGER NOT NULL CHECK (released IN (0, 1)),
    reason      TEXT    NOT NULL, -- of the last change by an operator
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;

-- Where it stands on each network. Whatever is not done says why. Times ending in _ms are of the clock of the database, done_at is of a block.
CREATE TABLE execution_networks (
    plan       TEXT    NOT NULL REFERENCES executions (plan),
    chain_id   INTEGER NOT NULL,
    state      TEXT    NOT NULL
        CHECK (state IN ('waiting', 'working', 'ready', 'releasing', 'halted', 'unreachable', 'excluded', 'done')),
    reason     TEXT    NOT NULL CHECK (state = 'done' OR reason <> ''),
    done_at    INTEGER NOT NULL,
    ready_ms   INTEGER NOT NULL, -- when it was last seen to be ready
    retry_ms   INTEGER NOT NULL, -- before which it is left alone
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (plan, chain_id)
) STRICT;

-- What the last check of a network's health found. Times and numbers are of blocks.
CREATE TABLE health (
    chain_id     INTEGER NOT NULL PRIMARY KEY,
    healthy      INTEGER NOT NULL CHECK (healthy IN (0, 1)),
    problem      TEXT    NOT NULL CHECK (healthy = 1 OR problem <> ''),
    since        INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    block_time   INTEGER NOT NULL,
    checked_at   INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE health;
DROP TABLE execution_networks;
DROP TABLE executions;
