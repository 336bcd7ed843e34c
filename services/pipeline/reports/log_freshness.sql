-- How far analytics is behind: for each table what is newest, and how long events of the last
-- hour took from the edge to here.
SELECT
    source,
    rows,
    newest_at,
    newest_stored_at,
    delay_p50_s,
    delay_p99_s
FROM (
    SELECT
        'events' AS source,
        count() AS rows,
        maxOrNull(t) AS newest_at,
        maxOrNull(stored_at) AS newest_stored_at,
        quantileExactIf(0.5)(delay_s, recent) AS delay_p50_s,
        quantileExactIf(0.99)(delay_s, recent) AS delay_p99_s
    FROM (
        SELECT
            t,
            stored_at,
            ifNull(dateDiff('millisecond', received_at, stored_at), 0) / 1000 AS delay_s,
            isNotNull(received_at) AND stored_at > now64(3) - INTERVAL 1 HOUR AS recent
        FROM sentientiq.events FINAL
        WHERE tenant_id = {tenant:String}
    )
    UNION ALL
    SELECT 'emotions', count(), maxOrNull(t), maxOrNull(stored_at), nan, nan
    FROM sentientiq.emotions FINAL WHERE tenant_id = {tenant:String}
    UNION ALL
    SELECT 'decisions', count(), maxOrNull(t), maxOrNull(stored_at), nan, nan
    FROM sentientiq.decisions FINAL WHERE tenant_id = {tenant:String}
    UNION ALL
    SELECT 'outcomes', count(), maxOrNull(t), maxOrNull(stored_at), nan, nan
    FROM sentientiq.outcomes FINAL WHERE tenant_id = {tenant:String}
    UNION ALL
    SELECT 'identifies', count(), maxOrNull(t), maxOrNull(stored_at), nan, nan
    FROM sentientiq.identifies FINAL WHERE tenant_id = {tenant:String}
)
ORDER BY source
