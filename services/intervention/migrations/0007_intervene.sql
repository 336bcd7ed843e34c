-- What the team did about a recommendation: several acts now, each in its round, and some of them
-- taken back. `acts` stays for replicas that run the release before; the next release drops it.
CREATE TABLE steps (
    id text PRIMARY KEY,
    thread_id text NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
    act text NOT NULL,
    -- Grows with each episode that joins the thread: what is closed opens again, and may be answered.
    round integer NOT NULL,
    person_id text NOT NULL,
    to_person_id text NOT NULL DEFAULT '',
    intervention_id text REFERENCES interventions (id) ON DELETE CASCADE,
    acted_at_ms bigint NOT NULL,
    -- Until when it may be taken back; 0: it had its effect at once.
    open_until_ms bigint NOT NULL DEFAULT 0,
    -- What the page did not show in time: "email", or why it could not go that way.
    fell_back text NOT NULL DEFAULT '',
    undone_at_ms bigint
);
CREATE UNIQUE INDEX steps_once ON steps (thread_id, act, round, to_person_id)
    WHERE undone_at_ms IS NULL;
CREATE INDEX steps_by_intervention ON steps (intervention_id) WHERE intervention_id IS NOT NULL;
INSERT INTO steps (id, thread_id, act, round, person_id, intervention_id, acted_at_ms)
SELECT 'before/' || decision_id, decision_id, act, 0, person_id, intervention_id, acted_at_ms
FROM acts;

-- A recommendation with a message and a page of its own, and the visits it is about.
CREATE TABLE threads (
    id text PRIMARY KEY REFERENCES decisions (id) ON DELETE CASCADE,
    tenant_id text NOT NULL,
    session_id text NOT NULL,
    opened_at_ms bigint NOT NULL,
    -- When each event behind it was, JSON (escalation/evidence.py); null: nobody could say.
    evidence bytea
);
CREATE INDEX threads_of_session ON threads (tenant_id, session_id, opened_at_ms);

-- Later decisions that stand on a thread's page; `asks`: recommendations that joined it.
CREATE TABLE thread_decisions (
    thread_id text NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
    decision_id text NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
    asks boolean NOT NULL,
    decided_at_ms bigint NOT NULL,
    PRIMARY KEY (thread_id, decision_id)
);

-- Who else has a page of a thread, and whose page is closed.
CREATE TABLE thread_people (
    thread_id text NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
    person_id text NOT NULL,
    -- "first", "escalated" or "handed_over".
    why text NOT NULL,
    since_ms bigint NOT NULL,
    revoked_at_ms bigint,
    PRIMARY KEY (thread_id, person_id)
);

-- What is to happen later unless something else happens before: timers outlive their process.
CREATE TABLE timers (
    id text PRIMARY KEY,
    kind text NOT NULL,
    decision_id text NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
    -- Of an escalation, which step; of an act, which one.
    subject text NOT NULL,
    due_at_ms bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    -- Done or stopped. The row stays a week, so that nothing sets the same timer again.
    ended boolean NOT NULL DEFAULT false
);
CREATE INDEX timers_due ON timers (due_at_ms) WHERE NOT ended;
CREATE INDEX timers_ended ON timers (due_at_ms) WHERE ended;
CREATE INDEX timers_of_decision ON timers (decision_id);

-- Taken back before it was shown, or told by e-mail because it was not.
ALTER TABLE interventions DROP CONSTRAINT interventions_state_check;
ALTER TABLE interventions ADD CONSTRAINT interventions_state_check CHECK (
    state IN ('pending', 'shown', 'clicked', 'dismissed', 'failed', 'withdrawn', 'mailed'));

-- Whether anybody was told about a thread.
CREATE INDEX messages_of_decision ON messages (decision_id);
