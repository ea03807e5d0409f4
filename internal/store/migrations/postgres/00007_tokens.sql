-- +goose Up
-- API tokens. The secret of one is nowhere: what is kept is its SHA-256.
CREATE TABLE tokens (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    hash       TEXT COLLATE "C" NOT NULL UNIQUE,
    scopes     TEXT COLLATE "C" NOT NULL, -- with spaces between them
    created_at BIGINT           NOT NULL,
    expires_at BIGINT, -- nothing if it never does
    revoked_at BIGINT
);

-- +goose Down
DROP TABLE tokens;
