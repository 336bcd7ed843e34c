-- One visit in ten felt something; half of those are known.
INSERT INTO sentientiq.emotions (
    tenant_id, id, rev, session_id, stream_id, emotion, confidence, trigger, page, calibration,
    user_id, t, detected_at, stored_at
)
WITH
    number * 10 AS visit,
    cityHash64(visit) AS h,
    toDateTime64(now() - INTERVAL 30 DAY, 3, 'UTC')
        + toIntervalSecond(h % (30 * 86400 - 7200)) + INTERVAL 40 SECOND AS at
SELECT
    'bench',
    lower(hex(sipHash128('e', visit))),
    1 + h % 2,
    lower(hex(sipHash128(visit))),
    'p1',
    ['rage', 'hesitation', 'confusion', 'abandonment'][h % 4 + 1],
    50 + h % 50,
    'rage_click',
    '/checkout',
    'simulated-v1',
    if(h % 2 = 0, concat('u', toString(h % 20000)), ''),
    at,
    at,
    now64(3)
FROM numbers({visits:UInt64})
SETTINGS max_partitions_per_insert_block = 0
