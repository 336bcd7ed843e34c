-- Who got the mail about which week, or why not. Whoever writes a row first sends it; what a killed
-- process had claimed is free again after a while.
CREATE TABLE weekly_letters (
    tenant_id        text    NOT NULL,
    person_id        text    NOT NULL,
    week             text    NOT NULL,
    attempts         integer NOT NULL DEFAULT 0,
    claimed_until_ms bigint  NOT NULL,
    -- sent, unsubscribed, empty, refused; null until then.
    outcome          text,
    detail           text    NOT NULL DEFAULT '',
    ended_at_ms      bigint,
    PRIMARY KEY (tenant_id, person_id, week)
);
