-- What visitors did: events and visits of each type.
-- default from: 1970-01-01 00:00:00
-- default to: 2100-01-01 00:00:00
-- chart bars x=type y=events
--
-- Rows that the log repeats lie on the same day, so each day is read on its own: a day whose parts
-- have been merged costs nothing more. A frame sent again over midnight, under another clock,
-- counts on both days.
-- Visits are not counted by type and session, which costs four times as much: each session has a
-- bit for each type. The factor gives every type there is a bit of its own.
WITH bitShiftRight(cityHash64(type) * 982526257, 58) AS bit
SELECT
    totals.type AS type,
    totals.events AS events,
    visits.sessions AS sessions
FROM (
    SELECT type, any(bit) AS place, count() AS events
    FROM sentientiq.events FINAL
    WHERE tenant_id = {tenant:String}
        AND t >= {from:DateTime64(3, 'UTC')}
        AND t < {to:DateTime64(3, 'UTC')}
    GROUP BY type
) AS totals
INNER JOIN (
    SELECT arrayJoin(bitPositionsToArray(mask)) AS place, count() AS sessions
    FROM (
        SELECT groupBitOr(bitShiftLeft(toUInt64(1), bit)) AS mask
        FROM sentientiq.events
        WHERE tenant_id = {tenant:String}
            AND t >= {from:DateTime64(3, 'UTC')}
            AND t < {to:DateTime64(3, 'UTC')}
        GROUP BY session_hash
    )
    GROUP BY place
) AS visits ON visits.place = totals.place
ORDER BY events DESC, type
SETTINGS do_not_merge_across_partitions_select_final = 1
