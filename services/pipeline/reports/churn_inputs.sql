-- What is known of each user that a churn model would want: what they felt of late, whether it grows,
-- and what was done about it. These are inputs; no score is made up from them.
-- default zone: UTC
-- default as_of: 2100-01-01
-- default limit: 1000
-- chart bars x=user_id y=episodes_28d
--
-- Counted up to the beginning of as_of in the zone; a date to come means up to now.
WITH
    least(toDateTime64({as_of:Date}, 3, {zone:String}), now64(3)) AS end,
    episodes AS (
        SELECT
            any(session_id) AS session_id,
            any(emotion) AS emotion,
            argMax(user_id, rev) AS user,
            argMax(t, rev) AS at
        FROM sentientiq.emotions
        WHERE tenant_id = {tenant:String} AND t >= end - INTERVAL 91 DAY AND t < end + INTERVAL 1 DAY
        GROUP BY id
        HAVING user != '' AND at >= end - INTERVAL 90 DAY AND at < end
    ),
    heard AS (
        SELECT
            if(decision_id = '', intervention_id, decision_id) AS about,
            minIf(t, kind = 'acted') AS acted_at,
            countIf(kind = 'acted') > 0 AS acted,
            countIf(kind = 'declined') > 0 AS declined,
            countIf(kind = 'dismissed') > 0 AS dismissed
        FROM sentientiq.outcomes
        WHERE tenant_id = {tenant:String} AND t >= end - INTERVAL 90 DAY AND t < end
        GROUP BY about
    ),
    decided AS (
        SELECT
            user_id AS user,
            argMax(company, t) AS last_company,
            argMaxIf(value_minor, t, isNotNull(value_minor)) AS last_value_minor,
            argMaxIf(value_currency, t, isNotNull(value_minor)) AS last_currency,
            uniqExactIf(id, person_id != '') AS asked,
            uniqExactIf(id, by_people.acted) AS acted,
            uniqExactIf(
                id,
                person_id != '' AND NOT by_people.acted AND NOT by_people.declined AND due_at < end
            ) AS unanswered,
            uniqExactIf(id, in_page.dismissed) AS dismissed
        FROM (
            SELECT *
            FROM sentientiq.decisions
            WHERE tenant_id = {tenant:String}
                AND user_id != ''
                AND t >= end - INTERVAL 90 DAY
                AND t < end
        ) AS chosen
        LEFT JOIN heard AS by_people ON by_people.about = chosen.id
        LEFT JOIN heard AS in_page ON in_page.about = nullIf(chosen.intervention_id, '')
        GROUP BY user
    ),
    felt AS (
        SELECT
            user,
            countIf(at >= end - INTERVAL 7 DAY) AS episodes_7d,
            countIf(at >= end - INTERVAL 28 DAY) AS episodes_28d,
            count() AS episodes_90d,
            countIf(emotion = 'rage' AND at >= end - INTERVAL 28 DAY) AS rage_28d,
            countIf(emotion = 'confusion' AND at >= end - INTERVAL 28 DAY) AS confusion_28d,
            countIf(emotion = 'hesitation' AND at >= end - INTERVAL 28 DAY) AS hesitation_28d,
            countIf(emotion = 'abandonment' AND at >= end - INTERVAL 28 DAY) AS abandonment_28d,
            uniqExactIf(session_id, at >= end - INTERVAL 28 DAY) AS visits_28d,
            countIf(at >= end - INTERVAL 56 DAY AND at < end - INTERVAL 28 DAY) AS episodes_before,
            max(at) AS last_felt
        FROM episodes
        GROUP BY user
    )
SELECT
    felt.user AS user_id,
    decided.last_company AS company,
    decided.last_currency AS value_currency,
    decided.last_value_minor AS value_minor,
    episodes_7d,
    episodes_28d,
    episodes_90d,
    rage_28d,
    confusion_28d,
    hesitation_28d,
    abandonment_28d,
    visits_28d,
    toInt64(episodes_28d) - toInt64(episodes_before) AS change_28d,
    decided.asked AS asked_90d,
    decided.acted AS acted_90d,
    decided.unanswered AS unanswered_90d,
    decided.dismissed AS dismissed_90d,
    dateDiff('day', toTimeZone(last_felt, {zone:String}), toTimeZone(end, {zone:String}))
        AS days_since,
    last_felt AS last_felt_at
FROM felt LEFT JOIN decided ON decided.user = felt.user
ORDER BY episodes_28d DESC, user_id
LIMIT {limit:UInt32}
