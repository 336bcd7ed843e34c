-- How far analytics is behind: for each table what is newest, and how long events of the last
-- hour took from the edge to here.
-- chart bars x=source y=rows
WITH delays AS (
    SELECT dateDiff('millisecond', assumeNotNull(received_at), stored_at) / 1000 AS delay_s
    FROM sentientiq.events FINAL
    WHERE tenant_id = {tenant:String}
        AND stored_at > now64(3) - INTERVAL 1 HOUR
        AND isNotNull(received_at)
)
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
        (SELECT quantilesExact(0.5, 0.99)(delay_s) FROM delays)[1] AS delay_p50_s,
        (SELECT quantilesExact(0.5, 0.99)(delay_s) FROM delays)[2] AS delay_p99_s
    FROM sentientiq.events FINAL
    WHERE tenant_id = {tenant:String}
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
-- Rows that the log repeats lie on the same day: see events_by_type.sql.
SETTINGS do_not_merge_across_partitions_select_final = 1
