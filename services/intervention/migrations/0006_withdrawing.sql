-- What a kill switch stops is stopped until the last moment: each row knows the rule it comes from,
-- and the branches above it, so that nothing has to be looked up before it goes out.
ALTER TABLE interventions ADD COLUMN rules text[] NOT NULL DEFAULT '{}';
ALTER TABLE messages ADD COLUMN rules text[] NOT NULL DEFAULT '{}';
-- False: it tells a provider that the work is done. That never bothers anybody.
ALTER TABLE messages ADD COLUMN stoppable boolean NOT NULL DEFAULT true;
ALTER TABLE interventions DROP CONSTRAINT interventions_state_check;
ALTER TABLE interventions ADD CONSTRAINT interventions_state_check
    CHECK (state IN ('pending', 'shown', 'clicked', 'dismissed', 'failed', 'withdrawn'));
