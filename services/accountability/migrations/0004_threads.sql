-- A decision that joins another's message is about the same customer: whose value counts once in
-- scorecards, with the first. What was recorded before learns its thread from the log, by a rebuild.
ALTER TABLE recommendations ADD COLUMN thread_id text NOT NULL DEFAULT '';
