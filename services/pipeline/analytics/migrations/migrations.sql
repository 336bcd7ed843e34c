-- Where migrations are recorded: the one thing that is there before any of them.
CREATE DATABASE IF NOT EXISTS sentientiq;

CREATE TABLE IF NOT EXISTS sentientiq.migrations (
    name       String,
    sha256     String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY name;
