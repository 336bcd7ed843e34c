-- Who sessions are. `identifies` is the record; `sessions` is the fold over it and can be rebuilt.

CREATE TABLE identifies (
    tenant_id      text NOT NULL REFERENCES tenants,
    session_id     text NOT NULL,
    stream_id      text NOT NULL,
    seq            bigint NOT NULL,
    occurred_at_ms bigint NOT NULL,
    assurance      smallint NOT NULL,
    facts          bytea NOT NULL, -- encrypted JSON; empty: stated nothing
    applied_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id, stream_id, seq)
);

CREATE TABLE sessions (
    tenant_id         text NOT NULL REFERENCES tenants,
    session_id        text NOT NULL,
    version           bigint NOT NULL DEFAULT 0,
    assurance         smallint NOT NULL DEFAULT 0,
    user_id           text NOT NULL DEFAULT '',
    email             bytea NOT NULL DEFAULT '', -- encrypted
    email_index       bytea, -- keyed hash
    name              bytea NOT NULL DEFAULT '', -- encrypted
    company           text NOT NULL DEFAULT '',
    company_name      text NOT NULL DEFAULT '',
    ltv_currency      text,
    ltv_minor         bigint,
    ltv_low_minor     bigint,
    ltv_high_minor    bigint,
    ltv_source        text NOT NULL DEFAULT '',
    tier              smallint NOT NULL DEFAULT 0,
    established_at_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, session_id)
);
CREATE INDEX sessions_user ON sessions (tenant_id, user_id) WHERE user_id <> '';
CREATE INDEX sessions_email ON sessions (tenant_id, email_index) WHERE email_index IS NOT NULL;
