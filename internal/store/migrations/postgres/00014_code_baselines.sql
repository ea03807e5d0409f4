-- +goose Up

-- The code that an account had when it was first watched, which may have any: another one is an alert, also if it came while nobody watched.
CREATE TABLE code_baselines (
    chain_id   BIGINT           NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    code_hash  TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    PRIMARY KEY (chain_id, account)
);

-- +goose Down
DROP TABLE code_baselines;
