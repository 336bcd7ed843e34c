-- One for each emotion: one in twenty is held out, the team is asked about one in three.
INSERT INTO sentientiq.decisions (
    tenant_id, id, session_id, emotion_id, emotion_rev, emotion, confidence, action, reason, rule,
    intervention_id, intervention_type, template, person_id, due_at, value_currency, value_minor,
    user_id, company, t, stored_at
)
WITH
    number * 10 AS visit,
    cityHash64(visit) AS h,
    intDiv(h, 7) % 20 = 0 AS held,
    h % 3 = 0 AND NOT held AS asked,
    toDateTime64(now() - INTERVAL 30 DAY, 3, 'UTC')
        + toIntervalSecond(h % (30 * 86400 - 7200)) + INTERVAL 41 SECOND AS at
SELECT
    'bench',
    lower(hex(sipHash128('d', visit))),
    lower(hex(sipHash128(visit))),
    lower(hex(sipHash128('e', visit))),
    1,
    ['rage', 'hesitation', 'confusion', 'abandonment'][h % 4 + 1],
    50 + h % 50,
    if(held, 'nothing', 'intervene'),
    if(held, 'holdout', 'rule'),
    concat('rule_', toString(h % 6)),
    if(held, '', lower(hex(sipHash128('i', visit)))),
    if(held, '', 'chat'),
    if(held, '', 'chat@1'),
    if(asked, concat('p', toString(h % 20)), ''),
    at + INTERVAL 10 MINUTE,
    'USD',
    h % 10000000,
    if(h % 2 = 0, concat('u', toString(h % 20000)), ''),
    concat('c', toString(h % 500), '.example'),
    at,
    now64(3)
FROM numbers({visits:UInt64})
SETTINGS max_partitions_per_insert_block = 0
