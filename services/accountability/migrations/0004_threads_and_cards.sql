-- A decision that joins another's message is about the same customer: whose value counts once in
-- scorecards, with the first. What was recorded before learns its thread from the log, by a rebuild.
ALTER TABLE recommendations ADD COLUMN thread_id text NOT NULL DEFAULT '';

-- With all that a median looks at, so that it reads the index and not the rows.
CREATE INDEX recommendations_times
    ON recommendations (tenant_id, time_bucket, decided_at_ms)
    INCLUDE (time_to_act_ms, owner_id, owner_team) WHERE time_bucket IS NOT NULL;
DROP INDEX recommendations_acted;

-- Days are added up from the index alone too. It has to be told which pages everybody sees: past
-- days no longer change, and are vacuumed before a fifth of all rows has changed.
ALTER TABLE sums DROP CONSTRAINT sums_pkey,
    ADD PRIMARY KEY (tenant_id, scope, day, what, key) INCLUDE (n);
ALTER TABLE sums SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02
);
