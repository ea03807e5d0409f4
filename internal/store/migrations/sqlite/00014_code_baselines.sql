-- +goose Up

-- The code that an account had when it was first watched, which may have any: another one is an alert, also if it came while nobody watched.
CREATE TABLE code_baselines (
    chain_id   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    code_hash  TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (chain_id, account)
) STRICT;

-- +goose Down
DROP TABLE code_baselines;
