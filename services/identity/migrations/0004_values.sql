-- What users paid, and what they are worth. `transactions` is the record; `user_values` is computed
-- from it and can be rebuilt.

CREATE TABLE transactions (
    tenant_id      text NOT NULL REFERENCES tenants,
    transaction_id text NOT NULL,
    user_id        text NOT NULL,
    kind           smallint NOT NULL,
    currency       text NOT NULL,
    minor          bigint NOT NULL,
    occurred_at_ms bigint NOT NULL,
    refers_to      text NOT NULL, -- empty: a payment
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, transaction_id)
);
CREATE INDEX transactions_user ON transactions (tenant_id, user_id);

-- A user's row is also the lock under which their value is computed.
CREATE TABLE user_values (
    tenant_id      text NOT NULL REFERENCES tenants,
    user_id        text NOT NULL,
    version        bigint NOT NULL DEFAULT 0, -- grows with each change of the value
    currency       text, -- null: cannot be valued, or not yet
    paid_minor     bigint,
    expected_minor bigint, -- null: no model
    low_minor      bigint,
    high_minor     bigint,
    occasions      integer NOT NULL DEFAULT 0,
    first_day      date,
    last_day       date,
    lack           smallint NOT NULL DEFAULT 0,
    reason         text NOT NULL DEFAULT '',
    as_of_ms       bigint NOT NULL DEFAULT 0,
    rules_version  bigint NOT NULL DEFAULT 0,
    rates_version  bigint NOT NULL DEFAULT 0,
    model_version  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX user_values_age ON user_values (tenant_id, as_of_ms) WHERE as_of_ms > 0;

-- Every version is kept: a value names the one it used.
CREATE TABLE value_models (
    tenant_id  text NOT NULL REFERENCES tenants,
    version    bigint NOT NULL,
    parameters jsonb, -- null: it did not come to a model; `reason` says why
    currency   text NOT NULL, -- of the amounts it was fitted to
    reason     text NOT NULL,
    fitted_at  timestamptz NOT NULL DEFAULT now(),
    users      integer NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

-- The tenant's own word for what the user has bought, and the tier that was stated (0: none).
ALTER TABLE sessions ADD COLUMN plan text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN stated_tier smallint NOT NULL DEFAULT 0;
-- Without a value nothing but a statement can have made a tier.
UPDATE sessions SET stated_tier = tier WHERE ltv_minor IS NULL;

-- Signs webhooks of transactions.
ALTER TABLE tenants ADD COLUMN transactions_secret bytea NOT NULL DEFAULT ''; -- encrypted
