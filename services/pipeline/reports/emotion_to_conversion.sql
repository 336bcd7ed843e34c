-- Do visits in which an emotion was felt reach the goal less often? Odds ratios, plain and adjusted,
-- and a comparison with like visits. It is a correlation, and each row says so.
-- default zone: UTC
-- default from: 1970-01-01
-- default to: 2100-01-01
-- default goal: Order Completed
-- chart intervals x=emotion y=adjusted_odds_ratio low=adjusted_low high=adjusted_high mark=1
--
-- Felt: before the goal was first reached. Like visits (strata): same day, first page, pointer, and
-- about as many different pages. Adjusted by Mantel and Haenszel, its interval by Robins, Breslow
-- and Greenland; the plain one has 0.5 added to each cell if one is empty (Haldane, Anscombe).
-- Matched: each visit that felt it beside those of its stratum that did not, where there are any.
WITH
    1.959963984540054 AS z,
    ['abandonment', 'confusion', 'hesitation', 'rage'] AS emotions,
    -- One bit for each page: few fall together, and the number of pages is rounded anyway. Hashes
    -- name the stratum as well as words do, for a third of what words cost.
    bitShiftLeft(toUInt64(1), cityHash64(page) % 64) AS page_bit,
    type = 'page_view' AND t < toDateTime64({to:Date}, 3, {zone:String}) AS looked,
    type = 'track' AND text = {goal:String} AS done,
    visits AS (
        SELECT
            session_hash,
            toDate(minIf(t, looked), {zone:String}) AS day,
            argMinIf(cityHash64(page, pointer), t, looked) AS entry,
            least(toUInt8(log2(bitCount(groupBitOrIf(page_bit, looked)))), 3) AS pages,
            countIf(done) > 0 AS reached,
            minIf(t, done) AS reached_at
        FROM sentientiq.events
        PREWHERE type IN ('page_view', 'track')
        WHERE tenant_id = {tenant:String}
            AND t >= toDateTime64({from:Date}, 3, {zone:String})
        GROUP BY session_hash
        HAVING countIf(looked) > 0
    ),
    episodes AS (
        SELECT
            cityHash64(any(session_id)) AS session_hash,
            any(emotion) AS emotion,
            argMin(t, rev) AS at
        FROM sentientiq.emotions
        WHERE tenant_id = {tenant:String}
            AND t >= toDateTime64({from:Date}, 3, {zone:String}) - INTERVAL 1 DAY
        GROUP BY id
    ),
    felt AS (
        SELECT
            session_hash,
            countIf(emotion = 'abandonment') > 0 AS abandonment,
            countIf(emotion = 'confusion') > 0 AS confusion,
            countIf(emotion = 'hesitation') > 0 AS hesitation,
            countIf(emotion = 'rage') > 0 AS rage,
            minIf(at, emotion = 'abandonment') AS abandonment_at,
            minIf(at, emotion = 'confusion') AS confusion_at,
            minIf(at, emotion = 'hesitation') AS hesitation_at,
            minIf(at, emotion = 'rage') AS rage_at
        FROM episodes
        GROUP BY session_hash
    ),
    strata AS (
        SELECT
            count() AS all_visits,
            countIf(reached) AS all_reached,
            [
                countIf(abandonment AND (NOT reached OR abandonment_at < reached_at)),
                countIf(confusion AND (NOT reached OR confusion_at < reached_at)),
                countIf(hesitation AND (NOT reached OR hesitation_at < reached_at)),
                countIf(rage AND (NOT reached OR rage_at < reached_at))
            ] AS felt_visits,
            [
                countIf(abandonment AND reached AND abandonment_at < reached_at),
                countIf(confusion AND reached AND confusion_at < reached_at),
                countIf(hesitation AND reached AND hesitation_at < reached_at),
                countIf(rage AND reached AND rage_at < reached_at)
            ] AS felt_reached
        FROM visits LEFT JOIN felt ON felt.session_hash = visits.session_hash
        GROUP BY day, entry, pages
    ),
    cells AS (
        SELECT
            emotion,
            toFloat64(a1) AS a,
            toFloat64(n1 - a1) AS b,
            toFloat64(all_reached - a1) AS c,
            toFloat64(all_visits - n1) - c AS d,
            a + b + c + d AS n
        FROM strata
        ARRAY JOIN emotions AS emotion, felt_visits AS n1, felt_reached AS a1
    ),
    summed AS (
        SELECT
            emotion,
            sum(a) AS felt_reached,
            sum(a + b) AS felt_visits,
            sum(c) AS other_reached,
            sum(c + d) AS other_visits,
            countIf(a + b > 0 AND c + d > 0) AS strata,
            sum(a * d / n) AS rs,
            sum(b * c / n) AS ss,
            sum((a + d) / n * a * d / n) AS pr,
            sum((a + d) / n * b * c / n + (b + c) / n * a * d / n) AS psqr,
            sum((b + c) / n * b * c / n) AS qs,
            sumIf(a + b, c + d > 0) AS matched_visits,
            sumIf(a - (a + b) * c / (c + d), c + d > 0) / matched_visits AS matched,
            sqrt(
                sumIf(
                    a * b / (a + b) + pow(a + b, 2) * c * d / pow(c + d, 3),
                    a + b > 0 AND c + d > 0
                )
            ) / matched_visits AS matched_error,
            least(sum(a), sum(b), sum(c), sum(d)) AS smallest,
            if(smallest = 0, 0.5, 0) AS added,
            log((sum(a) + added) * (sum(d) + added) / ((sum(b) + added) * (sum(c) + added)))
                AS plain,
            sqrt(
                1 / (sum(a) + added) + 1 / (sum(b) + added) + 1 / (sum(c) + added)
                + 1 / (sum(d) + added)
            ) AS plain_error,
            if(rs > 0 AND ss > 0, log(rs / ss), NULL) AS adjusted,
            sqrt(pr / (2 * rs * rs) + psqr / (2 * rs * ss) + qs / (2 * ss * ss)) AS adjusted_error
        FROM cells
        GROUP BY emotion
    )
SELECT
    emotion,
    toUInt64(felt_visits) AS felt_visits,
    toUInt64(felt_reached) AS felt_reached,
    toUInt64(other_visits) AS other_visits,
    toUInt64(other_reached) AS other_reached,
    round(exp(plain), 4) AS odds_ratio,
    round(exp(plain - z * plain_error), 4) AS odds_low,
    round(exp(plain + z * plain_error), 4) AS odds_high,
    round(exp(adjusted), 4) AS adjusted_odds_ratio,
    round(exp(adjusted - z * adjusted_error), 4) AS adjusted_low,
    round(exp(adjusted + z * adjusted_error), 4) AS adjusted_high,
    strata,
    toUInt64(matched_visits) AS matched_visits,
    if(matched_visits = 0, NULL, round(matched, 4)) AS matched_difference,
    if(matched_visits = 0, NULL, round(matched - z * matched_error, 4)) AS matched_low,
    if(matched_visits = 0, NULL, round(matched + z * matched_error, 4)) AS matched_high,
    concat(
        'A correlation, not an effect: whoever comes closer to the goal has more occasion to feel',
        ' anything, and pages seen after the emotion count as well. A holdout tells causes.',
        if(smallest < 5, ' Too few visits: a cell has less than 5.', ''),
        if(
            matched_visits < 0.8 * felt_visits,
            concat(
                ' No like visit for ',
                toString(toUInt64(felt_visits - matched_visits)), ' of ',
                toString(toUInt64(felt_visits)), '.'
            ),
            ''
        )
    ) AS warning
FROM summed
WHERE felt_visits > 0
ORDER BY emotion
