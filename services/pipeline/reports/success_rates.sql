-- How often help works: of what was shown in the page, how much was used; of what the team was
-- asked, how much it did in time. Intervals are Wilson's, of 95 %.
-- default zone: UTC
-- default from: 1970-01-01
-- default to: 2100-01-01
-- chart intervals x=rule and=type y=rate low=low high=high from=0
WITH
    1.959963984540054 AS z,
    (k, n) -> (k + z * z / 2) / (n + z * z) AS middle,
    (k, n) -> z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z) AS half,
    chosen AS (
        SELECT id, rule, intervention_id, intervention_type, template, variant, person_id, due_at
        FROM sentientiq.decisions
        WHERE tenant_id = {tenant:String}
            AND t >= toDateTime64({from:Date}, 3, {zone:String})
            AND t < toDateTime64({to:Date}, 3, {zone:String})
            AND action = 'intervene'
        LIMIT 1 BY id
    ),
    -- The page knows the intervention only, people the decision.
    heard AS (
        SELECT
            if(decision_id = '', intervention_id, decision_id) AS about,
            countIf(kind IN ('shown', 'clicked', 'dismissed')) > 0 AS shown,
            countIf(kind = 'clicked') > 0 AS clicked,
            countIf(kind IN ('delivered', 'seen', 'acted', 'declined')) > 0 AS reached,
            minIf(t, kind = 'acted') AS acted_at,
            countIf(kind = 'acted') > 0 AS acted
        FROM sentientiq.outcomes
        WHERE tenant_id = {tenant:String}
            AND t >= toDateTime64({from:Date}, 3, {zone:String}) - INTERVAL 1 DAY
        GROUP BY about
    )
SELECT
    audience,
    rule,
    type,
    template,
    variant,
    count() AS decided,
    countIf(was_tried) AS tried,
    countIf(was_tried AND worked) AS succeeded,
    if(tried = 0, NULL, round(succeeded / tried, 4)) AS rate,
    if(tried = 0, NULL, round(middle(succeeded, tried) - half(succeeded, tried), 4)) AS low,
    if(tried = 0, NULL, round(middle(succeeded, tried) + half(succeeded, tried), 4)) AS high
FROM (
    SELECT
        'page' AS audience,
        rule,
        intervention_type AS type,
        template,
        variant,
        heard.shown AS was_tried,
        heard.clicked AS worked
    FROM chosen LEFT JOIN heard ON heard.about = chosen.intervention_id
    WHERE intervention_id != ''
    UNION ALL
    SELECT
        'team' AS audience,
        rule,
        'recommendation' AS type,
        '' AS template,
        '' AS variant,
        heard.reached AS was_tried,
        heard.acted AND (isNull(due_at) OR heard.acted_at <= due_at) AS worked
    FROM chosen LEFT JOIN heard ON heard.about = chosen.id
    WHERE person_id != ''
)
GROUP BY audience, rule, type, template, variant
ORDER BY audience, rule, type, template, variant
