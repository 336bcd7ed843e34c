-- How far visits come on a path of up to eight steps, where they stop, and in how many of those that
-- stop something was felt.
-- default zone: UTC
-- default from: 1970-01-01
-- default to: 2100-01-01
-- default steps: page:/pricing,page:/checkout,track:Order Completed
-- default within_minutes: 60
-- chart bars x=name y=visits
--
-- A step is page:PATH or track:NAME; they are taken in this order, others may lie between them, all
-- within the time from the first one. A repeated row changes nothing: a step is reached or not.
WITH
    arrayFilter(one -> one != '', splitByChar(',', {steps:String})) AS path,
    -- Of a step that is taken twice on the path, the first place stands for both.
    arrayMap(one -> indexOf(path, one), path) AS places,
    reached AS (
        SELECT
            session_hash,
            windowFunnel({within_minutes:UInt32} * 60000)(
                toUInt64(toUnixTimestamp64Milli(t)),
                place = places[1] AND place > 0,
                place = places[2] AND place > 0,
                place = places[3] AND place > 0,
                place = places[4] AND place > 0,
                place = places[5] AND place > 0,
                place = places[6] AND place > 0,
                place = places[7] AND place > 0,
                place = places[8] AND place > 0
            ) AS level
        FROM (
            SELECT
                session_hash,
                t,
                indexOf(path, if(type = 'track', 'track:' || text, 'page:' || page)) AS place
            FROM sentientiq.events
            PREWHERE type IN ('page_view', 'track')
            WHERE tenant_id = {tenant:String}
                AND t >= toDateTime64({from:Date}, 3, {zone:String})
                AND t < toDateTime64({to:Date}, 3, {zone:String})
        )
        WHERE place > 0
        GROUP BY session_hash
    ),
    felt AS (
        SELECT
            cityHash64(session_id) AS session_hash,
            groupUniqArray(toString(emotion)) AS emotions
        FROM sentientiq.emotions
        WHERE tenant_id = {tenant:String}
            AND t >= toDateTime64({from:Date}, 3, {zone:String})
        GROUP BY session_hash
    ),
    levels AS (
        SELECT
            level,
            count() AS visits,
            countIf(notEmpty(felt.emotions)) AS felt,
            countIf(has(felt.emotions, 'rage')) AS raged
        FROM reached LEFT JOIN felt ON felt.session_hash = reached.session_hash
        WHERE level > 0
        GROUP BY level
    )
SELECT
    step,
    path[step] AS name,
    sumIf(levels.visits, levels.level >= step) AS visits,
    round(visits / nullIf(first_value(visits) OVER (ORDER BY step), 0), 4) AS of_first,
    round(visits / nullIf(lagInFrame(visits, 1, visits) OVER (ORDER BY step), 0), 4) AS of_before,
    if(step = length(path), 0, sumIf(levels.visits, levels.level = step)) AS stopped,
    if(step = length(path), 0, sumIf(levels.felt, levels.level = step)) AS stopped_and_felt,
    if(step = length(path), 0, sumIf(levels.raged, levels.level = step)) AS stopped_in_rage
FROM (SELECT arrayJoin(arrayEnumerate(path)) AS step) AS steps CROSS JOIN levels
GROUP BY step
ORDER BY step
