-- Who did what, whose keys open what, who was erased, and what people agreed to.

-- A chain a tenant; '*' is that of the mesh. services/common/audit/record.py has the encoding.
CREATE TABLE audit_records (
    tenant_id text NOT NULL, -- no reference: a record outlives what it is about
    sequence  bigint NOT NULL,
    at_us     bigint NOT NULL,
    actor     text NOT NULL,
    role      text NOT NULL,
    action    text NOT NULL,
    subject   text NOT NULL,
    purpose   text NOT NULL,
    detail    text NOT NULL, -- JSON; empty: none
    previous  bytea NOT NULL,
    hash      bytea NOT NULL,
    PRIMARY KEY (tenant_id, sequence)
);
CREATE INDEX audit_records_subject ON audit_records (tenant_id, subject) WHERE subject <> '';

-- The newest record of each chain. Its row is the lock under which a chain grows.
CREATE TABLE audit_heads (
    tenant_id text PRIMARY KEY,
    sequence  bigint NOT NULL,
    hash      bytea NOT NULL
);

-- Written with a change that is too frequent to wait for the chain; moved into it within seconds.
CREATE TABLE audit_pending (
    pending_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  text NOT NULL,
    at_us      bigint NOT NULL,
    actor      text NOT NULL,
    role       text NOT NULL,
    action     text NOT NULL,
    subject    text NOT NULL,
    purpose    text NOT NULL,
    detail     text NOT NULL
);

CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_records only grows: % is refused', TG_OP;
END
$$;
CREATE TRIGGER audit_records_only_grow BEFORE UPDATE OR DELETE ON audit_records
    FOR EACH ROW EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_records_stay BEFORE TRUNCATE ON audit_records
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
ALTER TABLE audit_records ENABLE ALWAYS TRIGGER audit_records_only_grow;
ALTER TABLE audit_records ENABLE ALWAYS TRIGGER audit_records_stay;

-- A tenant's keys, wrapped by a key encryption key. `data` wraps the keys of its subjects and is
-- rotated; `index` makes blind indexes and pseudonyms, and stays.
CREATE TABLE tenant_keys (
    tenant_id  text NOT NULL REFERENCES tenants,
    use        text NOT NULL,
    version    integer NOT NULL,
    kek_id     text NOT NULL,
    wrapped    bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, use, version)
);
CREATE INDEX tenant_keys_kek ON tenant_keys (kek_id);

-- The key of one subject: a user, a session of nobody, a person of the team, or the tenant itself.
-- Its destruction is what makes erased data unreadable; the row stays, so that nothing older comes
-- back.
CREATE TABLE subject_keys (
    tenant_id    text NOT NULL REFERENCES tenants,
    subject      bytea NOT NULL, -- pseudonym: a keyed hash
    tenant_key   integer NOT NULL, -- version of the data key that wraps it
    wrapped      bytea, -- null: destroyed
    erased_at_ms bigint NOT NULL DEFAULT 0, -- what was stated until then is not taken again
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, subject)
);
CREATE INDEX subject_keys_tenant_key ON subject_keys (tenant_id, tenant_key)
    WHERE wrapped IS NOT NULL;

-- Whose key encrypts a statement; null: it is of the old form, or stated nothing.
ALTER TABLE identifies ADD COLUMN subject bytea;
CREATE INDEX identifies_subject ON identifies (tenant_id, subject) WHERE subject IS NOT NULL;

-- What is still encrypted in the old form; empty once it has been rewritten.
CREATE INDEX identifies_old_form ON identifies (tenant_id)
    WHERE substring(facts FROM 1 FOR 1) = '\x01';
CREATE INDEX sessions_old_form ON sessions (tenant_id)
    WHERE substring(email FROM 1 FOR 1) = '\x01' OR substring(name FROM 1 FOR 1) = '\x01'
       OR substring(enriched FROM 1 FOR 1) = '\x01';

-- Proofs of what was destroyed. They hold no personal data and stay.
CREATE TABLE erasures (
    tenant_id       text NOT NULL REFERENCES tenants,
    idempotency_key text NOT NULL,
    asked           bytea NOT NULL, -- keyed hash of whom to erase
    destroyed       text NOT NULL DEFAULT '{}', -- JSON: counts of all attempts until now
    certificate     bytea, -- null: begun, and to be asked for again
    signature       bytea,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, idempotency_key)
);

-- What a subject agreed to or refused last, by topic.
CREATE TABLE consents (
    tenant_id text NOT NULL REFERENCES tenants,
    subject   bytea NOT NULL, -- pseudonym
    topic     text NOT NULL,
    granted   boolean NOT NULL,
    source    text NOT NULL,
    at_ms     bigint NOT NULL,
    PRIMARY KEY (tenant_id, subject, topic)
);

-- For what is kept for a number of days only.
CREATE INDEX sessions_age ON sessions (greatest(established_at_ms, began_ms));
CREATE INDEX attributions_user ON attributions (tenant_id, user_id) WHERE user_id <> '';
CREATE INDEX transactions_age ON transactions (occurred_at_ms);
