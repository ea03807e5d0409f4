-- +goose Up
-- The audit log: see internal/audit. The columns are the fields of an entry; nothing is kept beside them.
CREATE TABLE audit (
    seq      INTEGER NOT NULL PRIMARY KEY,
    version  INTEGER NOT NULL,
    time     INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    chain_id INTEGER NOT NULL, -- 0 if it is about no network
    body     TEXT    NOT NULL,
    previous TEXT    NOT NULL,
    hash     TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_decisions ON audit (chain_id, json_extract(body, '$.run'), seq) WHERE kind = 'decision.made';

-- These keep a mistake of the program, or of somebody with a SQL shell, from going unnoticed. Whoever means to can drop them;
-- then verification finds what was done.
-- +goose StatementBegin
CREATE TRIGGER audit_follows BEFORE INSERT ON audit
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM audit)
    OR NEW.seq > 1 AND NEW.previous <> (SELECT hash FROM audit ORDER BY seq DESC LIMIT 1)
BEGIN
    SELECT raise(ABORT, 'an audit entry must follow the last one');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE audit;
