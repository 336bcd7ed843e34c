-- Customers of SentientIQ, their keys, people and configuration.

CREATE TABLE tenants (
    tenant_id        text PRIMARY KEY,
    name             text NOT NULL,
    identity_secret  bytea NOT NULL, -- encrypted; empty: none
    emotions_to_page boolean NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

-- A key has at least 128 random bits, so a plain hash cannot be searched.
CREATE TABLE publishable_keys (
    key_hash    bytea PRIMARY KEY, -- SHA-256
    tenant_id   text NOT NULL REFERENCES tenants,
    environment text NOT NULL,
    origins     text[] NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);
CREATE INDEX publishable_keys_tenant ON publishable_keys (tenant_id);

CREATE TABLE people (
    tenant_id      text NOT NULL REFERENCES tenants,
    person_id      text NOT NULL,
    name           bytea NOT NULL, -- encrypted
    role           text NOT NULL,
    zone           text NOT NULL,
    channels       bytea NOT NULL, -- encrypted JSON: [{kind, address, secret}]
    owns_companies text[] NOT NULL, -- bare domains
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, person_id)
);
CREATE INDEX people_owns_companies ON people USING gin (owns_companies);

-- Every version is kept: watchers are sent each change, and a verdict names the version it used.
CREATE TABLE config_documents (
    tenant_id  text NOT NULL REFERENCES tenants,
    kind       text NOT NULL,
    version    bigint NOT NULL,
    body       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, tenant_id, version)
);
