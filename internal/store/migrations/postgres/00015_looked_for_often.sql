-- +goose Up

-- When the alert that asked for a pause was raised, in unix seconds of who watched: with its fingerprint that is the order, which is carried out once.
-- Of decisions of before this is 0.
ALTER TABLE pauses ADD COLUMN raised_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX pauses_order ON pauses (fingerprint, raised_at);

-- What is looked for every second or two, among rows of which there are ever more.
CREATE INDEX refused_unsent ON refused (id) WHERE source <> 'block';
CREATE INDEX alerts_firing_id ON alerts (id) WHERE state = 'firing';

-- +goose Down
DROP INDEX alerts_firing_id;
DROP INDEX refused_unsent;
DROP INDEX pauses_order;
ALTER TABLE pauses DROP COLUMN raised_at;
