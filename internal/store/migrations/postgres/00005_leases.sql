-- +goose Up

-- What one process does alone until its lease expires, in milliseconds of the clock of the database. A name is never deleted, since its fencing
-- number must only grow. Who has yielded it leaves no holder.
CREATE TABLE leases (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder     TEXT COLLATE "C" NOT NULL,
    fence      BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL
);

-- +goose Down
DROP TABLE leases;
