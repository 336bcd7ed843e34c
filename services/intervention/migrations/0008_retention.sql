-- What has had its time is deleted in batches (retention.py), with all that hangs on it: each look-up
-- that takes is one of an index. BRIN costs a writer next to nothing, and these rows come in order of
-- time.
CREATE INDEX decisions_by_age ON decisions USING brin (decided_at_ms);
CREATE INDEX exposures_by_age ON experiment_exposures USING brin (exposed_at_ms);
DROP INDEX messages_pages;
CREATE INDEX thread_decisions_by_decision ON thread_decisions (decision_id);
CREATE INDEX steps_by_thread ON steps (thread_id);
CREATE INDEX nonces_by_decision ON nonces (decision_id);
CREATE INDEX nonces_by_expiry ON nonces USING brin (expires_at_ms);
