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
    identity_addr: str = setting(
        "SIQ_IDENTITY_ADDR",
        "host:port of identity, which knows people and their hours; empty: everybody works in UTC,"
        " by the builtin hours, and gets no weekly mail",
        default="",
    )
    listen: str = setting("SIQ_LISTEN", "gRPC host:port to listen on", default="127.0.0.1:7104")
    timer_interval_s: float = setting(
        "SIQ_TIMER_INTERVAL_S", "Seconds between looks for due recommendations", default=1.0
    )
    timer_grace_s: float = setting(
        "SIQ_TIMER_GRACE_S",
        "Seconds that an outcome may be late in the log before its absence counts",
        default=2.0,
    )
    intervention_addr: str = setting(
        "SIQ_INTERVENTION_ADDR", "gRPC host:port of intervention", default="127.0.0.1:7103"
    )
    pipeline_addr: str = setting(
        "SIQ_PIPELINE_ADDR", "gRPC host:port of the pipeline", default="127.0.0.1:7105"
    )
    smtp_url: str = setting(
        "SIQ_SMTP_URL",
        "Where weekly mails are handed in, smtp://user:password@host:587 or smtps://…; empty: none",
        default="",
    )
    smtp_from: str = setting(
        "SIQ_SMTP_FROM", "Sender of mails, such as SentientIQ <help@acme.example>", default=""
    )
    executive_roles: tuple[str, ...] = setting(
        "SIQ_EXECUTIVE_ROLES",
        "Roles whose weekly mail is about the whole team, comma list",
        default=("ceo", "executive"),
    )
    weekly_interval_s: float = setting(
        "SIQ_WEEKLY_INTERVAL_S", "Seconds between looks for weekly mails that are due", default=60.0
    )
