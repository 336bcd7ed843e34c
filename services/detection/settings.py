"""Settings of the detection process."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import setting


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

    @property
    def endpoint(self) -> str:
        """What other processes dial."""
        return self.advertise or self.listen
