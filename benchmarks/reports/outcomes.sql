-- Two for each decision that did something: the first and the second step of what became of it.
INSERT INTO sentientiq.outcomes (
    tenant_id, id, session_id, decision_id, intervention_id, kind, person_id, channel, detail, t,
    stored_at
)
WITH
    number * 10 AS visit,
    cityHash64(visit) AS h,
    h % 3 = 0 AS asked,
    toDateTime64(now() - INTERVAL 30 DAY, 3, 'UTC')
        + toIntervalSecond(h % (30 * 86400 - 7200)) + INTERVAL 42 SECOND AS at
SELECT
    'bench',
    lower(hex(sipHash128('o', {step:UInt8}, visit))),
    lower(hex(sipHash128(visit))),
    if(asked, lower(hex(sipHash128('d', visit))), ''),
    if(asked, '', lower(hex(sipHash128('i', visit)))),
    if(
        asked,
        ['delivered', if(h % 7 < 3, 'acted', 'declined')],
        ['shown', if(h % 5 = 0, 'clicked', 'dismissed')]
    )[{step:UInt8}],
    if(asked, concat('p', toString(h % 20)), ''),
    if(asked, 'sms', 'page'),
    if(asked AND {step:UInt8} = 2 AND h % 7 = 6, 'false_alarm', ''),
    at + toIntervalSecond({step:UInt8} * 9),
    now64(3)
FROM numbers({visits:UInt64})
WHERE intDiv(h, 7) % 20 != 0
SETTINGS max_partitions_per_insert_block = 0
