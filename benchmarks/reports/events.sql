-- A visit is 50 events in frames of ten: a page view first and a few more later, presses, scrolls,
-- moves; one visit in thirty orders. With `every` above 1 only so many frames of the newest days.
INSERT INTO sentientiq.events (
    tenant_id, session_id, stream_id, seq, edge_offset, idx, t, type, page, pointer, target,
    target_flags, text, text2, a, b, received_at, log_partition, log_offset, stored_at
)
WITH
    intDiv(number, 50) AS visit,
    number % 50 AS nth,
    cityHash64(visit) AS h,
    toDateTime64(now() - INTERVAL 30 DAY, 3, 'UTC')
        + toIntervalSecond(h % (30 * 86400 - 7200)) + toIntervalSecond(nth * 2) AS at,
    multiIf(
        nth = 0 OR nth % 20 = 19 AND h % 3 != 0, 'page_view',
        nth = 48 AND h % 30 = 0, 'track',
        nth % 5 = 0, 'click',
        nth % 7 = 0, 'scroll',
        'pointer_move'
    ) AS kind
SELECT
    'bench',
    lower(hex(sipHash128(visit))),
    'p1',
    intDiv(nth, 10) + 1,
    0,
    nth % 10,
    at,
    kind,
    if(
        nth = 0,
        ['/', '/pricing', '/shop', '/blog'][h % 4 + 1],
        ['/pricing', '/checkout', '/shop', '/cart'][(h + nth) % 4 + 1]
    ),
    if(h % 3 = 0, 'touch', 'mouse'),
    if(kind = 'click', concat('button#b', toString(h % 90)), ''),
    1,
    if(kind = 'track', 'Order Completed', ''),
    if(
        kind = 'track',
        concat(
            '{"order_id":"', toString(visit), '","total":', toString(h % 9000 / 100),
            ',"currency":"', if(h % 4 = 0, 'EUR', 'USD'), '"}'
        ),
        ''
    ),
    if(kind IN ('click', 'pointer_move', 'scroll'), number % 1280, NULL),
    NULL,
    at,
    visit % 64,
    number,
    -- Not all in the last hour, and nothing so long ago that it would be deleted.
    now64(3) - toIntervalSecond(h % (6 * 86400))
FROM numbers({start:UInt64}, {count:UInt64})
WHERE {every:UInt64} = 1
    OR intDiv(number, 10) % {every:UInt64} = 0 AND at > now() - INTERVAL 2 DAY
SETTINGS max_partitions_per_insert_block = 0
