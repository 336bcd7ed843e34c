"""Settings of the detection process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.common.settings import SettingsError, setting

_MOST_STREAMS: Final = 1 << 24


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once from the environment."""

    mesh_secret: str = setting("SIQ_MESH_SECRET", "Secret that signs tokens between our processes")
    state_url: str = setting("SIQ_STATE_URL", "Hot state, redis://host:port")
    log_url: str = setting("SIQ_LOG_URL", "Event log, redis:// or kafka://host:port")
    identity_addr: str = setting(
        "SIQ_IDENTITY_ADDR",
        "gRPC host:port of identity, which has the tenants' settings",
        default="127.0.0.1:7101",
    )
    listen: str = setting("SIQ_LISTEN", "Where gRPC listens", default="127.0.0.1:7102")
    advertise: str = setting(
        "SIQ_ADVERTISE", "Endpoint that the edge dials; empty: SIQ_LISTEN", default=""
    )
    threshold: int = setting("SIQ_THRESHOLD", "Confidence from which to emit, 0 to 100", default=50)
    models: str = setting(
        "SIQ_MODELS",
        "Folder of model files, read again on SIGHUP; empty: the shipped ones",
        default="",
    )
    snapshot_s: float = setting("SIQ_SNAPSHOT_S", "Seconds between snapshots", default=5.0)
    streams: int = setting(
        "SIQ_STREAMS_PER_PARTITION",
        "Pages whose state is held in each of the 64 partitions, 1.5 KiB each; one more takes the"
        " place of the one heard of longest ago (docs/operations.md)",
        default=4096,
    )

    def __post_init__(self) -> None:
        """Refuse what no partition can hold.

        Raises:
            SettingsError: says the bounds.
        """
        if not 1 <= self.streams <= _MOST_STREAMS:
            raise SettingsError(
                f"SIQ_STREAMS_PER_PARTITION: expected 1 to {_MOST_STREAMS}, was {self.streams}"
            )

    @property
    def endpoint(self) -> str:
        """What other processes dial."""
        return self.advertise or self.listen
