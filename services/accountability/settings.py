"""What accountability reads from the environment."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the accountability process."""

    mesh_secret: str = setting("SIQ_MESH_SECRET", "The secret that signs the mesh's tokens")
    postgres_url: str = setting("SIQ_POSTGRES_URL", "PostgreSQL, postgresql://…")
    log_url: str = setting("SIQ_LOG_URL", "The event log, redis:// or kafka://host:port")
    listen: str = setting("SIQ_LISTEN", "gRPC host:port to listen on", default="127.0.0.1:7104")
    timer_interval_s: float = setting(
        "SIQ_TIMER_INTERVAL_S", "Seconds between looks for due recommendations", default=1.0
    )
    timer_grace_s: float = setting(
        "SIQ_TIMER_GRACE_S",
        "Seconds that an outcome may be late in the log before its absence counts",
        default=2.0,
    )
