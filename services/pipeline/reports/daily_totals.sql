-- What happened each day, from totals that are kept for years; as of `counted_at`.
-- default from: 1970-01-01
-- default to: 2100-01-01
SELECT
    day,
    what,
    of,
    total,
    sessions,
    counted_at
FROM (
    SELECT day, 'events' AS what, toString(type) AS of, events AS total, sessions, counted_at
    FROM sentientiq.events_daily FINAL
    WHERE tenant_id = {tenant:String} AND day >= {from:Date} AND day < {to:Date}
    UNION ALL
    SELECT day, 'emotions', toString(emotion), episodes, sessions, counted_at
    FROM sentientiq.emotions_daily FINAL
    WHERE tenant_id = {tenant:String} AND day >= {from:Date} AND day < {to:Date}
    UNION ALL
    SELECT day, 'decisions', concat(emotion, ': ', action), decisions, sessions, counted_at
    FROM sentientiq.decisions_daily FINAL
    WHERE tenant_id = {tenant:String} AND day >= {from:Date} AND day < {to:Date}
    UNION ALL
    SELECT day, 'outcomes', concat(channel, ': ', kind), outcomes, sessions, counted_at
    FROM sentientiq.outcomes_daily FINAL
    WHERE tenant_id = {tenant:String} AND day >= {from:Date} AND day < {to:Date}
)
WHERE total > 0
ORDER BY day, what, of
