-- What help saved or lost: money of visitors who were helped beside those held out by chance, for
-- each rule and currency. Without such a holdout nobody can tell, and the verdict says so.
-- default zone: UTC
-- default from: 1970-01-01
-- default to: 2100-01-01
-- default goal: Order Completed
-- default within_hours: 24
-- default min_units: 100
-- default min_paying: 20
-- chart intervals x=rule and=currency y=saved low=saved_low high=saved_high mark=0
--
-- A unit is a person, or a visit where nobody is known; people who are found on both sides were
-- dealt by visit and count by visit. Counted are orders of the same visit after the rule's first
-- decision, once each, with an amount and a currency; currencies are never added up.
WITH
    1.959963984540054 AS z,
    faced AS (
        SELECT
            rule,
            session_id,
            anyIf(user_id, user_id != '') AS user,
            min(t) AS decided_at,
            argMin(action = 'intervene', t) AS helped
        FROM sentientiq.decisions
        WHERE tenant_id = {tenant:String}
            AND t >= toDateTime64({from:Date}, 3, {zone:String})
            AND t < toDateTime64({to:Date}, 3, {zone:String})
            AND rule != ''
            AND (action = 'intervene' OR reason = 'holdout')
        GROUP BY rule, session_id
    ),
    dealt AS (
        SELECT
            rule,
            cityHash64(session_id) AS session_hash,
            decided_at,
            helped,
            if(
                user != '' AND length(groupUniqArray(helped) OVER (PARTITION BY rule, user)) = 1,
                'u' || user,
                's' || session_id
            ) AS unit
        FROM faced
    ),
    orders AS (
        SELECT
            session_hash,
            t,
            upper(JSONExtractString(text2, 'currency')) AS named,
            arrayFirst(
                raw -> raw != '',
                arrayMap(key -> JSONExtractRaw(text2, key), ['revenue', 'total', 'value'])
            ) AS raw,
            toDecimal64OrNull(replaceAll(raw, '"', ''), 4) AS told,
            if(isNull(told) OR named = '', 'unknown', named) AS currency,
            if(currency = 'unknown', NULL, told) AS amount
        FROM sentientiq.events FINAL
        PREWHERE type = 'track' AND text = {goal:String}
        WHERE tenant_id = {tenant:String}
            AND t >= toDateTime64({from:Date}, 3, {zone:String})
            AND t < toDateTime64({to:Date}, 3, {zone:String})
                + toIntervalHour({within_hours:UInt32})
        ORDER BY t
        LIMIT 1 BY
            if(
                JSONExtractString(text2, 'order_id') != '',
                'o' || JSONExtractString(text2, 'order_id'),
                toString(rowNumberInAllBlocks())
            )
    ),
    -- A unit once for each currency it paid in, and with '' where it paid nothing.
    paid AS (
        SELECT
            rule,
            unit,
            any(helped) AS helped,
            if(
                orders.session_hash != 0 AND orders.t >= dealt.decided_at
                AND orders.t < dealt.decided_at + toIntervalHour({within_hours:UInt32}),
                orders.currency,
                ''
            ) AS currency,
            ifNull(sumIf(orders.amount, currency != ''), 0) AS amount,
            countIf(currency != '') AS orders
        FROM dealt LEFT JOIN orders ON orders.session_hash = dealt.session_hash
        GROUP BY rule, unit, currency
    ),
    sized AS (
        SELECT
            *,
            uniqExactIf(unit, helped) OVER (PARTITION BY rule) AS helped_units,
            uniqExactIf(unit, NOT helped) OVER (PARTITION BY rule) AS held_units
        FROM paid
    ),
    sums AS (
        SELECT
            rule,
            currency,
            any(helped_units) AS helped_units,
            any(held_units) AS held_units,
            sumIf(orders, helped) AS helped_orders,
            sumIf(orders, NOT helped) AS held_orders,
            countIf(helped) AS helped_paying,
            countIf(NOT helped) AS held_paying,
            sumIf(amount, helped) AS helped_revenue,
            sumIf(amount, NOT helped) AS held_revenue,
            sumIf(pow(toFloat64(amount), 2), helped) AS helped_squares,
            sumIf(pow(toFloat64(amount), 2), NOT helped) AS held_squares
        FROM sized
        WHERE currency != ''
        GROUP BY rule, currency
    )
SELECT
    rule,
    currency,
    helped_units,
    held_units,
    helped_orders,
    held_orders,
    if(currency = 'unknown', NULL, helped_revenue) AS helped_revenue,
    if(currency = 'unknown' OR held_units = 0, NULL, held_revenue) AS held_revenue,
    if(known, round(difference, 4), NULL) AS each,
    if(known, round(difference - reach, 4), NULL) AS each_low,
    if(known, round(difference + reach, 4), NULL) AS each_high,
    if(known, round(difference * helped_units, 2), NULL) AS saved,
    if(known, round((difference - reach) * helped_units, 2), NULL) AS saved_low,
    if(known, round((difference + reach) * helped_units, 2), NULL) AS saved_high,
    if(known, round(difference * held_units, 2), NULL) AS lost,
    multiIf(
        currency = 'unknown', 'unknown: these orders name no amount or no currency',
        held_units = 0, 'unknown: nobody was held out',
        NOT known, 'cannot tell: too few units, or too few who paid',
        difference - reach > 0, 'saved',
        difference + reach < 0, 'help lost money',
        'cannot tell: the interval holds 0'
    ) AS verdict
FROM (
    SELECT
        *,
        currency != 'unknown'
            AND least(helped_units, held_units) >= {min_units:UInt32}
            AND least(helped_paying, held_paying) >= {min_paying:UInt32} AS known,
        toFloat64(helped_revenue) / helped_units AS helped_mean,
        toFloat64(held_revenue) / held_units AS held_mean,
        helped_mean - held_mean AS difference,
        -- Units that paid nothing count with 0.
        z * sqrt(
            (helped_squares / helped_units - pow(helped_mean, 2)) / (helped_units - 1)
            + (held_squares / held_units - pow(held_mean, 2)) / (held_units - 1)
        ) AS reach
    FROM sums
)
ORDER BY rule, currency
-- Rows that the log repeats lie on the same day: see events_by_type.sql.
SETTINGS do_not_merge_across_partitions_select_final = 1
