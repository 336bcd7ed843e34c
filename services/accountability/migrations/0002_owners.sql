-- Owners, verdicts, terms, appeals, feedback, and sums for scorecards. All but what the decision and
-- the facts say follows from them: `sentientiq recommendations rebuild` makes it again.
ALTER TABLE recommendations
    ADD COLUMN emotion         text     NOT NULL DEFAULT '',
    ADD COLUMN emotion_id      text     NOT NULL DEFAULT '',
    ADD COLUMN confidence      smallint NOT NULL DEFAULT 0,
    ADD COLUMN log_odds        double precision NOT NULL DEFAULT 0,
    ADD COLUMN calibration     text     NOT NULL DEFAULT '',
    -- Whose it is now, or was last.
    ADD COLUMN owner_id        text     NOT NULL DEFAULT '',
    ADD COLUMN owner_team      text     NOT NULL DEFAULT '',
    -- By the terms; due_at_ms is what the alert said.
    ADD COLUMN falls_due_at_ms bigint   NOT NULL DEFAULT 0,
    ADD COLUMN late_until_ms   bigint   NOT NULL DEFAULT 0,
    ADD COLUMN terms_source    text     NOT NULL DEFAULT '',
    -- An owner whose terms are not worked out yet; null: all are.
    ADD COLUMN untermed        text,
    ADD COLUMN decline_reason  text     NOT NULL DEFAULT '',
    ADD COLUMN open_appeal     boolean  NOT NULL DEFAULT false,
    ADD COLUMN was_right       boolean,
    -- Of time_to_act_ms, by which its median is found.
    ADD COLUMN time_bucket     smallint,
    -- By which rules it was folded; 0: not yet, so nobody sees it; only those above 0 are in the sums.
    ADD COLUMN fold_version    smallint NOT NULL DEFAULT -1;
ALTER TABLE recommendations ALTER COLUMN fold_version SET DEFAULT 0;
UPDATE recommendations SET owner_id = person_id, falls_due_at_ms = due_at_ms;

DROP INDEX recommendations_of_person;
CREATE INDEX recommendations_of_owner
    ON recommendations (tenant_id, owner_id, decided_at_ms DESC, decision_id DESC);
CREATE INDEX recommendations_due
    ON recommendations (tenant_id, falls_due_at_ms) WHERE state <= 3;
CREATE INDEX recommendations_untermed
    ON recommendations (decided_at_ms) WHERE untermed IS NOT NULL;
CREATE INDEX recommendations_appealed
    ON recommendations (tenant_id, decided_at_ms) WHERE open_appeal;
CREATE INDEX recommendations_acted
    ON recommendations (tenant_id, time_bucket, decided_at_ms) WHERE time_bucket IS NOT NULL;
CREATE INDEX recommendations_judged
    ON recommendations (tenant_id, decided_at_ms, decision_id) WHERE was_right IS NOT NULL;

ALTER TABLE facts
    ADD COLUMN by_person_id text NOT NULL DEFAULT '',
    ADD COLUMN note         text NOT NULL DEFAULT '',
    -- sentientiq.intervention.v1.RecommendationTerms.
    ADD COLUMN terms        bytea;

-- Who had it, rewritten with the history.
CREATE TABLE owners (
    tenant_id       text     NOT NULL,
    decision_id     text     NOT NULL,
    position        smallint NOT NULL,
    person_id       text     NOT NULL,
    team            text     NOT NULL,
    from_ms         bigint   NOT NULL,
    to_ms           bigint,
    delivered_at_ms bigint,
    seen_at_ms      bigint,
    working_ms      bigint   NOT NULL,
    verdict         smallint NOT NULL,
    appeal          smallint NOT NULL,
    appeal_reason   text     NOT NULL,
    PRIMARY KEY (tenant_id, decision_id, position),
    FOREIGN KEY (tenant_id, decision_id) REFERENCES recommendations
);

-- What scorecards add up, by day (UTC, days since 1970) of the decision. `scope` is '' for all,
-- 'person:ID' or 'team:NAME'; sums.py says what is counted.
CREATE TABLE sums (
    tenant_id text    NOT NULL,
    scope     text    NOT NULL,
    day       integer NOT NULL,
    what      text    NOT NULL,
    key       text    NOT NULL,
    n         bigint  NOT NULL,
    PRIMARY KEY (tenant_id, scope, day, what, key)
);
