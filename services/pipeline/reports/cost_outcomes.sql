-- Track events of some names, with their properties as they were told. Names are compared in small
-- letters, with spaces for "_" and "-". In order of time and key, page by page.
-- default names: []
-- default from: 1970-01-01 00:00:00
-- default to: 2100-01-01 00:00:00
-- default after_t: 1970-01-01 00:00:00
-- default after_key: -
-- default limit: 50000
SELECT
    concat(
        session_id, '/', stream_id, '/', toString(seq), '/', toString(edge_offset), '/',
        toString(idx)
    ) AS key,
    text AS name,
    text2 AS props,
    session_id,
    toUnixTimestamp64Milli(t) AS at_ms
FROM sentientiq.events FINAL
PREWHERE type = 'track'
    AND has(
        {names:Array(String)}, trim(BOTH ' ' FROM replaceRegexpAll(lower(text), '[_\\s-]+', ' '))
    )
WHERE tenant_id = {tenant:String}
    AND t >= {from:DateTime64(3, 'UTC')}
    AND t < {to:DateTime64(3, 'UTC')}
    AND (t, key) > ({after_t:DateTime64(3, 'UTC')}, {after_key:String})
ORDER BY at_ms, key
LIMIT {limit:UInt32}
-- Rows that the log repeats lie on the same day: see events_by_type.sql.
SETTINGS do_not_merge_across_partitions_select_final = 1
