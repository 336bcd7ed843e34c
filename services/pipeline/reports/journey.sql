-- From decision to outcome: each decision with what then happened, newest first.
-- default from: 1970-01-01 00:00:00
-- default to: 2100-01-01 00:00:00
-- default limit: 1000
WITH
    chosen AS (
        SELECT *
        FROM sentientiq.decisions FINAL
        WHERE tenant_id = {tenant:String}
            AND t >= {from:DateTime64(3, 'UTC')}
            AND t < {to:DateTime64(3, 'UTC')}
    ),
    heard AS (
        SELECT id, decision_id, intervention_id, kind, t
        FROM sentientiq.outcomes FINAL
        WHERE tenant_id = {tenant:String}
    ),
    -- The page knows the intervention only; the decision of that intervention is meant.
    followed AS (
        SELECT decision_id AS decision, kind, t FROM heard WHERE decision_id != ''
        UNION ALL
        SELECT chosen.id AS decision, heard.kind AS kind, heard.t AS t
        FROM heard INNER JOIN chosen ON chosen.intervention_id = heard.intervention_id
        WHERE heard.decision_id = '' AND heard.intervention_id != ''
    ),
    summed AS (
        SELECT
            decision,
            arrayMap(step -> step.2, arraySort(groupArray((t, kind)))) AS kinds,
            minIf(t, kind = 'acted') AS first_acted_at,
            countIf(kind = 'acted') AS acts
        FROM followed
        GROUP BY decision
    )
SELECT
    chosen.id AS decision_id,
    chosen.session_id AS session_id,
    chosen.emotion AS emotion,
    chosen.confidence AS confidence,
    chosen.action AS action,
    chosen.reason AS reason,
    chosen.rule AS rule,
    chosen.intervention_type AS intervention_type,
    chosen.person_id AS person_id,
    chosen.company AS company,
    chosen.value_currency AS value_currency,
    chosen.value_minor AS value_minor,
    chosen.t AS decided_at,
    summed.kinds AS outcomes,
    if(summed.acts > 0, dateDiff('millisecond', chosen.t, summed.first_acted_at), NULL)
        AS time_to_act_ms
FROM chosen LEFT JOIN summed ON summed.decision = chosen.id
ORDER BY decided_at DESC, decision_id
LIMIT {limit:UInt32}
