-- One row for each session that ever asked for something. Taking its lock is what makes cool-downs
-- and "one episode, one help" hold over every replica.
CREATE TABLE sessions (
    tenant_id text NOT NULL,
    session_id text NOT NULL,
    page_free_at_ms bigint NOT NULL DEFAULT 0,
    team_free_at_ms bigint NOT NULL DEFAULT 0,
    touched_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, session_id)
) WITH (fillfactor = 70);

CREATE TABLE decisions (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    session_id text NOT NULL,
    emotion_id text NOT NULL,
    rev bigint NOT NULL,
    intervened boolean NOT NULL,
    record bytea NOT NULL,
    decided_at_ms bigint NOT NULL
);
CREATE INDEX decisions_by_emotion ON decisions (emotion_id);

-- What the page shows. Pending until shown, closed or expired.
CREATE TABLE interventions (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    session_id text NOT NULL,
    decision_id text NOT NULL REFERENCES decisions (id),
    record bytea NOT NULL,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'shown', 'clicked', 'dismissed', 'failed')),
    created_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    changed_at_ms bigint NOT NULL
);
CREATE INDEX interventions_pending ON interventions (tenant_id, session_id)
    WHERE state = 'pending';
CREATE INDEX interventions_by_decision ON interventions (decision_id);

-- Messages to people. `sealed` holds address, secret and text, encrypted; it is emptied when the
-- message has come to its end.
CREATE TABLE messages (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    session_id text NOT NULL,
    decision_id text NOT NULL REFERENCES decisions (id),
    person_id text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('sms', 'slack', 'webhook')),
    destination text NOT NULL,
    endpoint_hash text NOT NULL,
    sealed bytea,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'sending', 'unknown', 'sent', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    provider_id text,
    provider_rank integer NOT NULL DEFAULT 0,
    detail text NOT NULL DEFAULT '',
    created_at_ms bigint NOT NULL,
    changed_at_ms bigint NOT NULL
);
CREATE INDEX messages_due ON messages (next_attempt_at_ms)
    WHERE state IN ('pending', 'sending', 'unknown');
CREATE INDEX messages_by_provider_id ON messages (provider_id) WHERE provider_id IS NOT NULL;

-- Addresses that must not be used again: opted out, or gone.
CREATE TABLE endpoints_off (
    tenant_id text NOT NULL,
    endpoint_hash text NOT NULL,
    reason text NOT NULL,
    since_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, endpoint_hash)
);

-- What still has to be appended to the log.
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    tenant_id text NOT NULL,
    session_id text NOT NULL,
    value bytea NOT NULL
);

-- Who looked at a recommendation, once a person.
CREATE TABLE visits (
    decision_id text NOT NULL REFERENCES decisions (id),
    person_id text NOT NULL,
    seen_at_ms bigint NOT NULL,
    PRIMARY KEY (decision_id, person_id)
);

-- Single-use permissions to act, issued to a page that was seen. Only the hash is kept.
CREATE TABLE nonces (
    hash bytea PRIMARY KEY,
    decision_id text NOT NULL REFERENCES decisions (id),
    person_id text NOT NULL,
    expires_at_ms bigint NOT NULL,
    used boolean NOT NULL DEFAULT false
);

-- What the team did, once a recommendation.
CREATE TABLE acts (
    decision_id text PRIMARY KEY REFERENCES decisions (id),
    person_id text NOT NULL,
    act text NOT NULL,
    intervention_id text REFERENCES interventions (id),
    acted_at_ms bigint NOT NULL
);
