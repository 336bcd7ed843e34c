-- Decisions with all that a comparison of the helped and the ignored needs: the arms that were met,
-- whether help came, and what was known before. In order of time and id; `after_t` and `after_id`
-- are those of the last row of the page before.
-- default emotion: any
-- default from: 1970-01-01 00:00:00
-- default to: 2100-01-01 00:00:00
-- default after_t: 1970-01-01 00:00:00
-- default after_id: -
-- default limit: 20000
--
-- A page reads from where it begins on, and of events those of visits in which anything was decided.
WITH
    greatest({from:DateTime64(3, 'UTC')}, {after_t:DateTime64(3, 'UTC')}) AS begins,
    -- Narrow, because all that stands beside a window is sorted with it.
    remembered AS (
        SELECT
            id,
            count() OVER (
                PARTITION BY if(user_id != '', user_id, session_id)
                ORDER BY toUnixTimestamp(t)
                RANGE BETWEEN 2419200 PRECEDING AND 1 PRECEDING
            ) AS emotions_before
        FROM sentientiq.decisions FINAL
        WHERE tenant_id = {tenant:String}
            AND t >= begins - INTERVAL 28 DAY
            AND t < {to:DateTime64(3, 'UTC')}
    ),
    chosen AS (
        SELECT *
        FROM sentientiq.decisions FINAL
        WHERE tenant_id = {tenant:String}
            AND t >= begins
            AND t < {to:DateTime64(3, 'UTC')}
            AND ({emotion:String} = 'any' OR emotion = {emotion:String})
            AND (action = 'intervene' OR length(met) > 0)
            AND (t, id) > ({after_t:DateTime64(3, 'UTC')}, {after_id:String})
        ORDER BY t, id
        LIMIT {limit:UInt32}
    ),
    felt AS (
        SELECT id, argMax(page, rev) AS page
        FROM sentientiq.emotions
        WHERE tenant_id = {tenant:String}
            AND t >= begins - INTERVAL 1 DAY
            AND t < {to:DateTime64(3, 'UTC')}
        GROUP BY id
    ),
    acted AS (
        SELECT decision_id, min(t) AS at
        FROM sentientiq.outcomes
        WHERE tenant_id = {tenant:String}
            AND kind = 'acted'
            AND decision_id != ''
            AND t >= begins - INTERVAL 1 DAY
        GROUP BY decision_id
    ),
    shown AS (
        SELECT intervention_id, min(t) AS at
        FROM sentientiq.outcomes
        WHERE tenant_id = {tenant:String}
            AND kind IN ('shown', 'clicked')
            AND intervention_id != ''
            AND t >= begins - INTERVAL 1 DAY
        GROUP BY intervention_id
    ),
    done AS (
        SELECT chosen.id AS id, count() AS events, min(events.t) AS began_at
        FROM (
            SELECT session_hash, t
            FROM sentientiq.events FINAL
            PREWHERE type != 'pointer_move' AND session_hash IN (
                SELECT cityHash64(session_id)
                FROM sentientiq.decisions
                WHERE tenant_id = {tenant:String}
                    AND t >= begins
                    AND t < {to:DateTime64(3, 'UTC')}
            )
            WHERE tenant_id = {tenant:String}
                AND t >= begins - INTERVAL 1 DAY
                AND t < {to:DateTime64(3, 'UTC')}
        ) AS events
        INNER JOIN chosen ON cityHash64(chosen.session_id) = events.session_hash
        WHERE events.t <= chosen.t
        GROUP BY chosen.id
    )
SELECT
    chosen.id AS decision_id,
    chosen.session_id AS session_id,
    chosen.user_id AS user_id,
    chosen.company AS company,
    chosen.emotion AS emotion,
    chosen.confidence AS confidence,
    felt.page AS page,
    chosen.action AS action,
    chosen.rule AS rule,
    chosen.intervention_type AS intervention_type,
    chosen.assurance AS assurance,
    chosen.value_currency AS value_currency,
    chosen.value_minor AS value_minor,
    chosen.met AS met,
    chosen.met_unit_kinds AS met_unit_kinds,
    chosen.met_arms AS met_arms,
    chosen.met_propensities AS met_propensities,
    toUnixTimestamp64Milli(chosen.t) AS at_ms,
    toUnixTimestamp64Milli(chosen.stored_at) AS stored_at_ms,
    ifNull(toUnixTimestamp64Milli(chosen.due_at), 0) AS due_at_ms,
    if(acted.decision_id != '', toUnixTimestamp64Milli(acted.at), 0) AS acted_at_ms,
    if(shown.intervention_id != '', toUnixTimestamp64Milli(shown.at), 0) AS shown_at_ms,
    remembered.emotions_before AS emotions_before,
    done.events AS events_before,
    if(done.id != '', dateDiff('millisecond', done.began_at, chosen.t), 0) AS visit_ms_before
FROM chosen
ANY LEFT JOIN remembered ON remembered.id = chosen.id
LEFT JOIN felt ON felt.id = chosen.emotion_id
LEFT JOIN acted ON acted.decision_id = chosen.id
LEFT JOIN shown ON shown.intervention_id = chosen.intervention_id
LEFT JOIN done ON done.id = chosen.id
ORDER BY at_ms, decision_id
-- Rows that the log repeats lie on the same day: see events_by_type.sql.
SETTINGS do_not_merge_across_partitions_select_final = 1
