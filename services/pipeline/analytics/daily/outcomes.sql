-- Count outcomes of some days anew, by kind and channel.
-- One day more is read on either side than is counted: of a row that is there twice, before midnight
-- and after it, FINAL sees both only then. For the engine `any(day)` is the day itself, by which it
-- would read less; the mean is not. A group that has become empty is counted as 0.
INSERT INTO sentientiq.outcomes_daily
    (tenant_id, day, kind, channel, outcomes, sessions, first_stored_at, counted_at)
WITH
    (SELECT max(counted_at) FROM sentientiq.outcomes_daily) AS last_counted_at,
    counted AS (
        SELECT tenant_id, day, kind, channel, first_stored_at
        FROM sentientiq.outcomes_daily FINAL
        WHERE day >= {from:Date} AND day < {to:Date}
    ),
    sealed AS (
        SELECT tenant_id, day, kind, channel
        FROM counted
        WHERE first_stored_at < now64(3) - INTERVAL 399 DAY
    )
SELECT
    tenant_id,
    day,
    kind,
    channel,
    countIf(live) AS outcomes,
    uniqExactIf(session_id, live) AS sessions,
    if(countIf(live) > 0, minIf(stored_at, live), now64(3)) AS first_stored_at,
    greatest(now64(3), addMilliseconds(last_counted_at, 1)) AS counted_at
FROM (
    SELECT tenant_id, toDate(t) AS day, kind, channel, session_id, stored_at, true AS live
    FROM sentientiq.outcomes FINAL
    WHERE t >= toDateTime64({from:Date} - 1, 3, 'UTC')
        AND t < toDateTime64({to:Date} + 1, 3, 'UTC')
    UNION ALL
    SELECT tenant_id, day, kind, channel, '', first_stored_at, false
    FROM counted
)
WHERE (tenant_id, day, kind, channel) NOT IN sealed
GROUP BY tenant_id, day, kind, channel
HAVING avg(toUInt16(day)) >= toUInt16({from:Date}) AND avg(toUInt16(day)) < toUInt16({to:Date});
