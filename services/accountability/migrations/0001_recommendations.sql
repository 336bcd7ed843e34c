-- A recommendation as its decision made it, and the state folded from its facts.
CREATE TABLE recommendations (
    tenant_id      text     NOT NULL,
    decision_id    text     NOT NULL,
    session_id     text     NOT NULL,
    person_id      text     NOT NULL,
    company        text     NOT NULL,
    value_currency text,
    value_minor    bigint,
    decided_at_ms  bigint   NOT NULL,
    due_at_ms      bigint   NOT NULL,
    state          smallint NOT NULL,
    -- When a clock may change the state next; null once only a person can, or nobody.
    wake_at_ms     bigint,
    -- Decision to act, for scorecards; null until somebody acted.
    time_to_act_ms bigint,
    PRIMARY KEY (tenant_id, decision_id)
);

CREATE INDEX recommendations_newest
    ON recommendations (tenant_id, decided_at_ms DESC, decision_id DESC);
CREATE INDEX recommendations_of_person
    ON recommendations (tenant_id, person_id, decided_at_ms DESC, decision_id DESC);
CREATE INDEX recommendations_timers
    ON recommendations (wake_at_ms) WHERE wake_at_ms IS NOT NULL;

-- Outcomes as they were heard of, also those whose decision has not been heard of yet.
CREATE TABLE facts (
    tenant_id   text        NOT NULL,
    id          text        NOT NULL,
    decision_id text        NOT NULL,
    kind        smallint    NOT NULL,
    at_ms       bigint      NOT NULL,
    person_id   text        NOT NULL,
    channel     text        NOT NULL,
    detail      text        NOT NULL,
    heard_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX facts_of_decision ON facts (tenant_id, decision_id);

-- The history, rewritten whenever a fact changes it.
CREATE TABLE transitions (
    tenant_id   text     NOT NULL,
    decision_id text     NOT NULL,
    position    smallint NOT NULL,
    state       smallint NOT NULL,
    at_ms       bigint   NOT NULL,
    outcome_id  text     NOT NULL,
    PRIMARY KEY (tenant_id, decision_id, position),
    FOREIGN KEY (tenant_id, decision_id) REFERENCES recommendations
);
