-- +goose Up

-- What one process does alone until its lease expires, in milliseconds of the clock of the database. A name is never deleted, since its fencing
-- number must only grow. Who has yielded it leaves no holder.
CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     TEXT    NOT NULL,
    fence      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE leases;
