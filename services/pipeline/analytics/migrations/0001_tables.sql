-- Analytics, for the embedded engine (chDB) and for a ClickHouse server alike. Each statement
-- changes nothing if it was applied before: a migration that was cut short is applied again.
-- Statements end with ";" at the end of a line.
--
-- Exactly once. The log may repeat a frame, and a process killed between insert and commit reads
-- its last block again. Both give rows with keys that are there already, and a
-- ReplacingMergeTree holds one row a key: read with FINAL, never without. (A deduplication token
-- on the insert would not do: after a restart blocks are cut elsewhere, so the token of a repeated
-- row is a new one.) `t` is no part of any key: a frame that is sent again through another edge
-- worker may have been corrected by another clock offset.
--
-- Kept by class, from the day of storing, so that replays of old recordings are not gone at once:
-- pointer moves 7 days, other events 90, what was felt, decided and done 400.

-- One row an event. `seq` 0 is written by the edge itself; those frames have no number of their
-- own, so their place in the log (edge_offset, else 0) tells them apart. `idx` counts from 0 in
-- the frame, as emotions' evidence does. a to e are the numbers, text and text2 the words of the
-- event type, in the order of docs/contracts.md; absent numbers are NULL.
CREATE TABLE IF NOT EXISTS sentientiq.events (
    tenant_id     LowCardinality(String),
    session_id    String,
    stream_id     String,
    seq           UInt64 CODEC(Delta, ZSTD(1)),
    edge_offset   UInt64,
    idx           UInt32,
    t             DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    type          LowCardinality(String),
    page          LowCardinality(String),
    pointer       LowCardinality(String),
    target        LowCardinality(String),
    target_flags  UInt32,
    text          String,
    text2         String,
    a             Nullable(Float32),
    b             Nullable(Float32),
    c             Nullable(Float32),
    d             Nullable(Float32),
    e             Nullable(Float32),
    x             Nullable(Float32) ALIAS if(type IN ('click', 'pointer_move'), a, NULL),
    y             Nullable(Float32) ALIAS
        multiIf(type IN ('click', 'pointer_move'), b, type = 'scroll', a, NULL),
    received_at   Nullable(DateTime64(3, 'UTC')),
    log_partition UInt8,
    log_offset    UInt64 CODEC(Delta, ZSTD(1)),
    stored_at     DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(t)
ORDER BY (tenant_id, session_id, stream_id, seq, edge_offset, idx)
TTL toDateTime(stored_at) + INTERVAL 7 DAY DELETE WHERE type = 'pointer_move',
    toDateTime(stored_at) + INTERVAL 90 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- A day that is over becomes one part within some hours: reading it with FINAL then merges nothing,
-- and reports over many days cost what they would without.
ALTER TABLE sentientiq.events
    MODIFY SETTING min_age_to_force_merge_seconds = 7200,
        min_age_to_force_merge_on_partition_only = 1;

-- One row an episode, at its highest revision.
CREATE TABLE IF NOT EXISTS sentientiq.emotions (
    tenant_id      LowCardinality(String),
    id             String,
    rev            UInt32,
    session_id     String,
    stream_id      String,
    emotion        LowCardinality(String),
    confidence     UInt8,
    trigger        LowCardinality(String),
    page           LowCardinality(String),
    element        LowCardinality(String),
    section        LowCardinality(String),
    evidence_seq   Array(UInt64),
    evidence_index Array(UInt32),
    features       Array(LowCardinality(String)),
    log_odds       Array(Float64),
    calibration    LowCardinality(String),
    user_id        String,
    t              DateTime64(3, 'UTC'),
    detected_at    DateTime64(3, 'UTC'),
    log_partition  UInt8,
    log_offset     UInt64,
    stored_at      DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(rev)
PARTITION BY toYYYYMMDD(t)
ORDER BY (tenant_id, id)
TTL toDateTime(stored_at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- One row a decision, "do nothing" included.
CREATE TABLE IF NOT EXISTS sentientiq.decisions (
    tenant_id         LowCardinality(String),
    id                String,
    session_id        String,
    emotion_id        String,
    emotion_rev       UInt32,
    emotion           LowCardinality(String),
    confidence        UInt8,
    action            LowCardinality(String),
    reason            LowCardinality(String),
    rule              LowCardinality(String),
    policy_version    LowCardinality(String),
    intervention_id   String,
    intervention_type LowCardinality(String),
    template          LowCardinality(String),
    variant           LowCardinality(String),
    person_id         LowCardinality(String),
    channels          Array(LowCardinality(String)),
    due_at            Nullable(DateTime64(3, 'UTC')),
    value_currency    LowCardinality(String),
    value_minor       Nullable(Int64),
    assurance         LowCardinality(String),
    user_id           String,
    company           LowCardinality(String),
    path              LowCardinality(String),
    t                 DateTime64(3, 'UTC'),
    log_partition     UInt8,
    log_offset        UInt64,
    stored_at         DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(t)
ORDER BY (tenant_id, id)
TTL toDateTime(stored_at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The chance of the choice, and the experiments and holdouts that were met by it, in parallel.
ALTER TABLE sentientiq.decisions
    ADD COLUMN IF NOT EXISTS propensity Float64 AFTER path,
    ADD COLUMN IF NOT EXISTS met Array(LowCardinality(String)) AFTER propensity,
    ADD COLUMN IF NOT EXISTS met_unit_kinds Array(LowCardinality(String)) AFTER met,
    ADD COLUMN IF NOT EXISTS met_arms Array(LowCardinality(String)) AFTER met_unit_kinds,
    ADD COLUMN IF NOT EXISTS met_propensities Array(Float64) AFTER met_arms;

-- One row an outcome. Those of the page know the intervention only, the others the decision.
CREATE TABLE IF NOT EXISTS sentientiq.outcomes (
    tenant_id       LowCardinality(String),
    id              String,
    session_id      String,
    decision_id     String,
    intervention_id String,
    kind            LowCardinality(String),
    person_id       LowCardinality(String),
    channel         LowCardinality(String),
    detail          String,
    t               DateTime64(3, 'UTC'),
    log_partition   UInt8,
    log_offset      UInt64,
    stored_at       DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(t)
ORDER BY (tenant_id, id)
TTL toDateTime(stored_at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- That somebody was identified, never who: what is sealed stays in the log.
CREATE TABLE IF NOT EXISTS sentientiq.identifies (
    tenant_id     LowCardinality(String),
    session_id    String,
    stream_id     String,
    seq           UInt64,
    key_id        LowCardinality(String),
    sealed_bytes  UInt32,
    t             DateTime64(3, 'UTC'),
    log_partition UInt8,
    log_offset    UInt64,
    stored_at     DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(t)
ORDER BY (tenant_id, session_id, stream_id, seq)
TTL toDateTime(stored_at) + INTERVAL 90 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
