-- +goose Up
-- Hashes are random, so that this index cost much when many events are written; few ask by a transaction, and a scan answers them.
DROP INDEX events_tx;

-- +goose Down
CREATE INDEX events_tx ON events (tx_hash);
