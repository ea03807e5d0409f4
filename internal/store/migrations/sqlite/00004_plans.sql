-- +goose Up
CREATE TABLE plans (
    digest     TEXT    NOT NULL PRIMARY KEY,
    action     TEXT    NOT NULL,
    body       BLOB    NOT NULL, -- the file
    created_at INTEGER NOT NULL
) STRICT;

-- A plan is used once on each network.
CREATE TABLE plan_uses (
    plan        TEXT    NOT NULL REFERENCES plans (digest),
    chain_id    INTEGER NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('begun', 'done', 'abandoned')),
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (plan, chain_id)
) STRICT;
CREATE INDEX plan_uses_begun ON plan_uses (chain_id) WHERE status = 'begun';

-- Who has approved a plan, and who has taken that back, which is for good.
CREATE TABLE approvals (
    plan       TEXT    NOT NULL REFERENCES plans (digest),
    signer     TEXT    NOT NULL,
    revoked    INTEGER NOT NULL CHECK (revoked IN (0, 1)),
    signature  TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (plan, signer, revoked)
) STRICT;

-- The policies that have been in force; the last one is.
CREATE TABLE policies (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    body       TEXT    NOT NULL, -- JSON
    plan       TEXT    REFERENCES plans (digest), -- under which it was set, if it was looser than the one before
    created_at INTEGER NOT NULL
) STRICT;

ALTER TABLE transactions ADD COLUMN plan TEXT; -- that holds it

-- +goose Down
ALTER TABLE transactions DROP COLUMN plan;
DROP TABLE policies;
DROP TABLE approvals;
DROP TABLE plan_uses;
DROP TABLE plans;
