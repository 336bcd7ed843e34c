-- The days of which there are any rows, for `sentientiq archive verify`: it asks of these one by one.
-- The tenant * means all; only the mesh may name it.
-- default from: 1970-01-01 00:00:00
-- default to: 2100-01-01 00:00:00
SELECT DISTINCT toString(toDate(t)) AS day
FROM (
    SELECT tenant_id, t FROM sentientiq.events
    UNION ALL
    SELECT tenant_id, t FROM sentientiq.identifies
    UNION ALL
    SELECT tenant_id, t FROM sentientiq.emotions
    UNION ALL
    SELECT tenant_id, t FROM sentientiq.decisions
    UNION ALL
    SELECT tenant_id, t FROM sentientiq.outcomes
)
WHERE t >= {from:DateTime64(3, 'UTC')} AND t < {to:DateTime64(3, 'UTC')}
    AND ({tenant:String} = '*' OR tenant_id = {tenant:String})
ORDER BY day
