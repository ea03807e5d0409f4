-- +goose Up

-- A plan that is being carried out, by lockstep serve or by a command. Released: all of its networks were let go at once.
CREATE TABLE executions (
    plan        TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES plans (digest),
    status      TEXT COLLATE "C" NOT NULL CHECK (status IN ('running', 'stopped', 'done')),
    served      BIGINT           NOT NULL CHECK (served IN (0, 1)),
    released    BIGINT           NOT NULL CHECK (released IN (0, 1)),
    reason      TEXT COLLATE "C" NOT NULL, -- of the last change by an operator
    created_at  BIGINT           NOT NULL,
    finished_at BIGINT
);

-- Where it stands on each network. Whatever is not done says why. Times ending in _ms are of the clock of the database, done_at is of a block.
CREATE TABLE execution_networks (
    plan       TEXT COLLATE "C" NOT NULL REFERENCES executions (plan),
    chain_id   BIGINT           NOT NULL,
    state      TEXT COLLATE "C" NOT NULL
        CHECK (state IN ('waiting', 'working', 'ready', 'releasing', 'halted', 'unreachable', 'excluded', 'done')),
    reason     TEXT COLLATE "C" NOT NULL CHECK (state = 'done' OR reason <> ''),
    done_at    BIGINT           NOT NULL,
    ready_ms   BIGINT           NOT NULL, -- when it was last seen to be ready
    retry_ms   BIGINT           NOT NULL, -- before which it is left alone
    updated_at BIGINT           NOT NULL,
    PRIMARY KEY (plan, chain_id)
);

-- What the last check of a network's health found. Times and numbers are of blocks.
CREATE TABLE health (
    chain_id     BIGINT           NOT NULL PRIMARY KEY,
    healthy      BIGINT           NOT NULL CHECK (healthy IN (0, 1)),
    problem      TEXT COLLATE "C" NOT NULL CHECK (healthy = 1 OR problem <> ''),
    since        BIGINT           NOT NULL,
    block_number BIGINT           NOT NULL,
    block_time   BIGINT           NOT NULL,
    checked_at   BIGINT           NOT NULL
);

-- +goose Down
DROP TABLE health;
DROP TABLE execution_networks;
DROP TABLE executions;
