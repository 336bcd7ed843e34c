-- Whose a session is where it does not say so itself. `links` follows from `identifies` and from
-- what the edge knows of browsers; like `joined_user` it can be computed again from these.

ALTER TABLE sessions
    ADD COLUMN visitor_id  text NOT NULL DEFAULT '', -- the browser's; empty: it began with this session
    ADD COLUMN began_ms    bigint NOT NULL DEFAULT 0, -- earliest thing stated; 0: nothing yet
    ADD COLUMN joined_user text NOT NULL DEFAULT '', -- where user_id is empty: whose it is taken for
    ADD COLUMN joined_by   text NOT NULL DEFAULT ''; -- kind of identifier that joined it, or "shared"
CREATE INDEX sessions_joined ON sessions (tenant_id, joined_user) WHERE joined_user <> '';

CREATE TABLE links (
    tenant_id  text NOT NULL REFERENCES tenants,
    session_id text NOT NULL,
    kind       text NOT NULL, -- "visitor", "email", "id:…"
    value      text NOT NULL, -- a visitor id; of others a keyed hash
    person     text NOT NULL, -- "u:…" a user; "e:…", "i:…" an address, an id alone; empty: nobody
    assurance  smallint NOT NULL,
    at_ms      bigint NOT NULL, -- began_ms of the session
    PRIMARY KEY (tenant_id, session_id, kind, value, person)
);
CREATE INDEX links_value ON links (tenant_id, kind, value);
CREATE INDEX links_person ON links (tenant_id, person, kind) WHERE person <> '';

-- What a person of the team took apart: this identifier is not this user's.
CREATE TABLE cuts (
    tenant_id text NOT NULL REFERENCES tenants,
    kind      text NOT NULL,
    value     text NOT NULL,
    user_id   text NOT NULL,
    reason    text NOT NULL,
    cut_by    text NOT NULL,
    cut_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, kind, value, user_id)
);

-- Whose a session was taken for, and from when on. Only ever added to.
CREATE TABLE attributions (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  text NOT NULL REFERENCES tenants,
    session_id text NOT NULL,
    user_id    text NOT NULL, -- empty: nobody's
    why        text NOT NULL, -- "stated", as joined_by, or empty
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX attributions_session ON attributions (tenant_id, session_id, change_id);

-- Sessions from before. Their addresses link once they are stated again.
UPDATE sessions SET began_ms = established_at_ms;
INSERT INTO links (tenant_id, session_id, kind, value, person, assurance, at_ms)
    SELECT tenant_id, session_id, 'visitor', session_id,
        CASE WHEN user_id <> '' THEN 'u:' || user_id
             WHEN email_index IS NOT NULL THEN 'e:before' ELSE '' END,
        assurance, established_at_ms
    FROM sessions;
