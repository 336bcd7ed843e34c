-- Does trouble come back? Known users by the week in which they first felt an emotion, and how many
-- of them felt it again in each week after.
-- default zone: UTC
-- default from: 1970-01-01
-- default to: 2100-01-01
-- default emotion: rage
-- chart lines x=weeks_after y=share by=cohort
--
-- Weeks begin on Monday in the zone. Analytics knows users by what they felt only: whoever never
-- felt it is in no cohort.
WITH
    episodes AS (
        SELECT
            argMax(user_id, rev) AS user,
            toMonday(argMin(t, rev), {zone:String}) AS week
        FROM sentientiq.emotions
        WHERE tenant_id = {tenant:String}
            AND t >= toDateTime64({from:Date}, 3, {zone:String})
            AND t < toDateTime64({to:Date}, 3, {zone:String})
            AND emotion = {emotion:String}
        GROUP BY id
        HAVING user != ''
    ),
    users AS (
        SELECT user, min(week) AS cohort, groupUniqArray(week) AS weeks FROM episodes GROUP BY user
    ),
    sizes AS (SELECT cohort, count() AS users FROM users GROUP BY cohort)
SELECT
    cohort,
    intDiv(dateDiff('day', cohort, week), 7) AS weeks_after,
    any(sizes.users) AS users,
    count() AS felt_again,
    round(felt_again / users, 4) AS share
FROM (SELECT cohort, arrayJoin(weeks) AS week FROM users) AS again
INNER JOIN sizes ON sizes.cohort = again.cohort
GROUP BY cohort, week
ORDER BY cohort, weeks_after
