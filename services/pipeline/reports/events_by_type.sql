-- What visitors did: events and sessions of each type.
-- default from: 1970-01-01 00:00:00
-- default to: 2100-01-01 00:00:00
SELECT
    type,
    count() AS events,
    uniqExact(session_id) AS sessions,
    min(t) AS first_at,
    max(t) AS last_at
FROM sentientiq.events FINAL
WHERE tenant_id = {tenant:String}
    AND t >= {from:DateTime64(3, 'UTC')}
    AND t < {to:DateTime64(3, 'UTC')}
GROUP BY type
ORDER BY events DESC, type
