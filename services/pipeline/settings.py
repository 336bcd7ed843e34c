"""What the pipeline reads from the environment."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the pipeline process."""

    mesh_secret: str = setting("SIQ_MESH_SECRET", "The secret that signs the mesh's tokens")
    log_url: str = setting("SIQ_LOG_URL", "The event log, redis:// or kafka://host:port")
    analytics_url: str = setting(
        "SIQ_ANALYTICS_URL", "Analytics, chdb:///folder or clickhouse://host:9000"
    )
    archive_url: str = setting(
        "SIQ_ARCHIVE_URL", "The archive, file:///folder or s3://bucket/prefix"
    )
    listen: str = setting("SIQ_LISTEN", "gRPC host:port to listen on", default="127.0.0.1:7105")
    block_interval_s: float = setting(
        "SIQ_BLOCK_INTERVAL_S", "Seconds between inserts into analytics", default=2.0
    )
    roll_interval_s: float = setting(
        "SIQ_ROLL_INTERVAL_S", "Seconds between rolls of archive files", default=60.0
    )
    daily_interval_s: float = setting(
        "SIQ_DAILY_INTERVAL_S", "Seconds between counts of the days that were touched", default=60.0
    )
    compact_interval_s: float = setting(
        "SIQ_COMPACT_INTERVAL_S",
        "Seconds between compactions of the archive; 0: none",
        default=3600.0,
    )
    archive_timeout_s: float = setting(
        "SIQ_ARCHIVE_TIMEOUT_S", "Seconds for one call to S3, repeats included", default=30.0
    )
    trim_interval_s: float = setting(
        "SIQ_TRIM_INTERVAL_S", "Seconds between trims of the log", default=10.0
    )
    keep_behavior_s: float = setting(
        "SIQ_KEEP_BEHAVIOR_S",
        "Seconds of behavior.v1 that stay for detection to rebuild from",
        default=1800.0,
    )
