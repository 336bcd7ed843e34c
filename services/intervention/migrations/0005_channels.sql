-- More ways to reach people, and lanes: what is urgent is claimed first (dispatcher.py).
ALTER TABLE messages DROP CONSTRAINT messages_channel_check;
ALTER TABLE messages ADD CONSTRAINT messages_channel_check
    CHECK (channel IN ('sms', 'slack', 'webhook', 'email', 'teams', 'pagerduty'));
ALTER TABLE messages ADD COLUMN lane smallint NOT NULL GENERATED ALWAYS AS (
    CASE channel WHEN 'pagerduty' THEN 0 WHEN 'sms' THEN 0 WHEN 'slack' THEN 1 WHEN 'teams' THEN 1
        WHEN 'webhook' THEN 2 ELSE 3 END) STORED;
-- Its place in the budget of its tenant and channel is taken.
ALTER TABLE messages ADD COLUMN budgeted boolean NOT NULL DEFAULT false;
-- How often an operator has sent it once more.
ALTER TABLE messages ADD COLUMN replays integer NOT NULL DEFAULT 0;
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (lane, next_attempt_at_ms)
    WHERE state IN ('pending', 'sending', 'unknown');
-- What could not be sent keeps its text for a while, so that it can be sent once more; what went to
-- PagerDuty keeps its routing key, so that it can be settled.
CREATE INDEX messages_dead ON messages (tenant_id, changed_at_ms) WHERE state = 'failed';
CREATE INDEX messages_kept ON messages (changed_at_ms)
    WHERE state IN ('failed', 'delivered') AND sealed IS NOT NULL;
CREATE INDEX messages_pages ON messages (decision_id) WHERE channel = 'pagerduty';

-- When the next message of a tenant over a channel may go, were messages evenly spread.
CREATE TABLE send_budgets (
    tenant_id text NOT NULL,
    channel text NOT NULL,
    free_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, channel)
) WITH (fillfactor = 70);
