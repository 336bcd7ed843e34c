-- What guards remember: one row for each session, known visitor, company, and for the tenant where
-- its policy counts over all. A decision is written only over the versions it was judged by: so caps,
-- cool-downs, budgets and "one episode, one help" hold over every replica. `state` is JSON
-- (policy/ledger.py).
CREATE TABLE guards (
    tenant_id text NOT NULL,
    subject text NOT NULL,
    state bytea NOT NULL DEFAULT '{}',
    -- Grows by one with each change: who read another version than it writes over was outrun.
    version bigint NOT NULL DEFAULT 0,
    touched_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, subject)
) WITH (fillfactor = 70);

INSERT INTO guards (tenant_id, subject, state, touched_at_ms)
SELECT tenant_id, 'session/' || session_id,
    convert_to(json_build_object('free', json_build_object(
        'cooldown:page', page_free_at_ms, 'cooldown:team', team_free_at_ms))::text, 'UTF8'),
    touched_at_ms
FROM sessions WHERE length(session_id) <= 200;

-- `sessions` stays for replicas that run the release before; the next release drops it.

-- Undoes the statement it stands in where not all rows were as they had been read.
CREATE FUNCTION not_outrun(changed bigint, wanted bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF changed <> wanted THEN
        RAISE serialization_failure USING MESSAGE = 'outrun by another writer';
    END IF;
    RETURN true;
END $$;

-- Every document that a decision rests on, so that it can be made again.
CREATE TABLE policies (
    digest text PRIMARY KEY,
    version text NOT NULL,
    body bytea NOT NULL,
    since_ms bigint NOT NULL
);

-- What is stopped. Empty tenant: everybody's; empty rule: all of them.
CREATE TABLE switches (
    tenant_id text NOT NULL,
    rule text NOT NULL,
    reason text NOT NULL,
    since_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, rule)
);

-- Whose history a dismissal belongs to, and of which type it was.
ALTER TABLE interventions ADD COLUMN subject text NOT NULL DEFAULT '';
ALTER TABLE interventions ADD COLUMN type text NOT NULL DEFAULT '';
