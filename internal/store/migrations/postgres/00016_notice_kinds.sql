-- +goose Up

-- What a message says of its alert: what nobody has been told yet goes first. Of messages of before this is empty.
ALTER TABLE notices ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE notices DROP COLUMN kind;
