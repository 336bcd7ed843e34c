-- Totals of each day, so that a year of them is read in milliseconds.
--
-- No materialised view on insert: it would count what the log repeats twice, for it sees rows before
-- they are merged. Instead the days that a block touched are counted again, with FINAL, from the
-- rows themselves (daily/*.sql), and the newest count of a day replaces the one before: read these
-- with FINAL too. A day is sealed for good a day before the first of its rows expire: what comes
-- later still is stored, but changes no total.
--
-- Numbers only, and of nobody in particular: kept for 1,200 days after the last count.

CREATE TABLE IF NOT EXISTS sentientiq.events_daily (
    tenant_id       LowCardinality(String),
    day             Date,
    type            LowCardinality(String),
    events          UInt64,
    sessions        UInt64,
    first_stored_at DateTime64(3, 'UTC'),
    counted_at      DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(counted_at)
ORDER BY (tenant_id, day, type)
TTL toDateTime(counted_at) + INTERVAL 1200 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS sentientiq.emotions_daily (
    tenant_id       LowCardinality(String),
    day             Date,
    emotion         LowCardinality(String),
    episodes        UInt64,
    sessions        UInt64,
    -- Divided by episodes the mean, over as many days as one likes.
    confidence_sum  UInt64,
    first_stored_at DateTime64(3, 'UTC'),
    counted_at      DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(counted_at)
ORDER BY (tenant_id, day, emotion)
TTL toDateTime(counted_at) + INTERVAL 1200 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS sentientiq.decisions_daily (
    tenant_id       LowCardinality(String),
    day             Date,
    emotion         LowCardinality(String),
    action          LowCardinality(String),
    decisions       UInt64,
    sessions        UInt64,
    first_stored_at DateTime64(3, 'UTC'),
    counted_at      DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(counted_at)
ORDER BY (tenant_id, day, emotion, action)
TTL toDateTime(counted_at) + INTERVAL 1200 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS sentientiq.outcomes_daily (
    tenant_id       LowCardinality(String),
    day             Date,
    kind            LowCardinality(String),
    channel         LowCardinality(String),
    outcomes        UInt64,
    sessions        UInt64,
    first_stored_at DateTime64(3, 'UTC'),
    counted_at      DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(counted_at)
ORDER BY (tenant_id, day, kind, channel)
TTL toDateTime(counted_at) + INTERVAL 1200 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
