-- Was it right? Of the emotions that people judged, how many were, a day, and whether confidence says
-- the same. Intervals are Wilson's, of 95 %.
-- default zone: UTC
-- default from: 1970-01-01
-- default to: 2100-01-01
-- default wrong: false_alarm
-- chart lines x=day y=precision by=emotion low=low high=high
--
-- Whoever was asked "was this right?" has the last word. Where nobody said: right, if somebody acted on
-- the recommendation; wrong, if somebody declined it with a reason of the list `wrong` (commas between
-- them); wrong wins. All others are unjudged. Whom the team was asked about was no random choice, so
-- this is the precision of what the team was asked, not of all emotions.
WITH
    1.959963984540054 AS z,
    (k, n) -> (k + z * z / 2) / (n + z * z) AS middle,
    (k, n) -> z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z) AS half,
    judged AS (
        SELECT
            chosen.emotion_id AS emotion_id,
            argMaxIf(said.detail, (said.t, said.id), said.kind = 'feedback') AS word,
            if(word != '', word = 'right', countIf(said.kind = 'acted') > 0) AS right,
            if(
                word != '',
                word = 'wrong',
                countIf(
                    said.kind = 'declined' AND has(splitByChar(',', {wrong:String}), said.detail)
                ) > 0
            ) AS wrong
        FROM (
            SELECT id, decision_id, kind, detail, t
            FROM sentientiq.outcomes
            WHERE tenant_id = {tenant:String}
                AND (
                    kind IN ('acted', 'declined')
                    OR kind = 'feedback' AND detail IN ('right', 'wrong')
                )
                AND t >= toDateTime64({from:Date}, 3, {zone:String}) - INTERVAL 1 DAY
        ) AS said
        INNER JOIN (
            SELECT DISTINCT id, emotion_id
            FROM sentientiq.decisions
            WHERE tenant_id = {tenant:String}
                AND person_id != ''
                AND t >= toDateTime64({from:Date}, 3, {zone:String}) - INTERVAL 1 DAY
        ) AS chosen ON chosen.id = said.decision_id
        GROUP BY emotion_id
    )
SELECT
    toDate(at, {zone:String}) AS day,
    emotion,
    count() AS episodes,
    countIf(judged.right AND NOT judged.wrong) AS right,
    countIf(judged.wrong) AS wrong,
    right + wrong AS told,
    if(told = 0, NULL, round(right / told, 4)) AS precision,
    if(told = 0, NULL, round(middle(right, told) - half(right, told), 4)) AS low,
    if(told = 0, NULL, round(middle(right, told) + half(right, told), 4)) AS high,
    if(
        told = 0,
        NULL,
        round(avgIf(confidence, judged.right OR judged.wrong) / 100, 4)
    ) AS mean_confidence,
    if(told = 0, NULL, round(mean_confidence - precision, 4)) AS overconfidence
FROM (
    SELECT
        id,
        any(emotion) AS emotion,
        argMax(t, rev) AS at,
        argMax(confidence, rev) AS confidence
    FROM sentientiq.emotions
    WHERE tenant_id = {tenant:String}
        AND t >= toDateTime64({from:Date}, 3, {zone:String}) - INTERVAL 1 DAY
        AND t < toDateTime64({to:Date}, 3, {zone:String}) + INTERVAL 1 DAY
    GROUP BY id
) AS felt
LEFT JOIN judged ON judged.emotion_id = felt.id
WHERE at >= toDateTime64({from:Date}, 3, {zone:String})
    AND at < toDateTime64({to:Date}, 3, {zone:String})
GROUP BY day, emotion
ORDER BY day, emotion
