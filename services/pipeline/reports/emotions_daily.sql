-- What was felt a day: episodes of each emotion, by the calendar of a zone.
-- default zone: UTC
-- default from: 1970-01-01
-- default to: 2100-01-01
-- chart lines x=day y=episodes by=emotion
--
-- An episode stands on the day of its highest revision, which may be another than that of its
-- first: so revisions are picked over a day more on either side, before the days are cut.
SELECT
    toDate(at, {zone:String}) AS day,
    emotion,
    count() AS episodes,
    uniqExact(session_id) AS sessions,
    uniqExactIf(user_id, user_id != '') AS known_users,
    round(avg(confidence), 1) AS mean_confidence
FROM (
    SELECT
        argMax(t, rev) AS at,
        any(emotion) AS emotion,
        any(session_id) AS session_id,
        argMax(user_id, rev) AS user_id,
        argMax(confidence, rev) AS confidence
    FROM sentientiq.emotions
    WHERE tenant_id = {tenant:String}
        AND t >= toDateTime64({from:Date}, 3, {zone:String}) - INTERVAL 1 DAY
        AND t < toDateTime64({to:Date}, 3, {zone:String}) + INTERVAL 1 DAY
    GROUP BY id
)
WHERE at >= toDateTime64({from:Date}, 3, {zone:String})
    AND at < toDateTime64({to:Date}, 3, {zone:String})
GROUP BY day, emotion
ORDER BY day, emotion
