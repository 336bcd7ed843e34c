-- What was felt: episodes of each emotion a day.
-- default from: 1970-01-01 00:00:00
-- default to: 2100-01-01 00:00:00
SELECT
    toDate(t) AS day,
    emotion,
    count() AS episodes,
    uniqExact(session_id) AS sessions,
    round(avg(confidence), 1) AS mean_confidence
FROM sentientiq.emotions FINAL
WHERE tenant_id = {tenant:String}
    AND t >= {from:DateTime64(3, 'UTC')}
    AND t < {to:DateTime64(3, 'UTC')}
GROUP BY day, emotion
ORDER BY day, emotion
