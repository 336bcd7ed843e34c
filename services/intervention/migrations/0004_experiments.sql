-- Who met the point at which an experiment's arms differ. The first exposure stands: its arm is the
-- unit's arm for good, whatever the weights become.
CREATE TABLE experiment_exposures (
    tenant_id text NOT NULL,
    experiment text NOT NULL,
    unit_kind text NOT NULL CHECK (unit_kind IN ('person', 'company', 'session')),
    unit text NOT NULL,
    variant text NOT NULL,
    propensity double precision NOT NULL CHECK (propensity > 0 AND propensity <= 1),
    -- Of all variants when this one was drawn, in the document's order.
    shares double precision[] NOT NULL,
    version text NOT NULL,
    decision_id text NOT NULL,
    exposed_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, experiment, unit)
);

-- What units did, whether they are in an experiment or not: what came before an exposure is the
-- covariate of CUPED. The id makes telling it twice harmless.
CREATE TABLE experiment_observations (
    tenant_id text NOT NULL,
    unit_kind text NOT NULL CHECK (unit_kind IN ('person', 'company', 'session')),
    unit text NOT NULL,
    name text NOT NULL,
    id text NOT NULL,
    value double precision NOT NULL,
    observed_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, unit_kind, unit, name, id)
);
CREATE INDEX experiment_observations_by_age ON experiment_observations (observed_at_ms);

-- The shares of adaptive experiments, each version kept: a propensity can be traced to what was known.
CREATE TABLE experiment_shares (
    tenant_id text NOT NULL,
    experiment text NOT NULL,
    version integer NOT NULL,
    variants text[] NOT NULL,
    shares double precision[] NOT NULL,
    units bigint NOT NULL,
    made_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, experiment, version)
);
