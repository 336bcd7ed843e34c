"""Settings of an edge worker."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once from the environment."""

    mesh_secret: str = setting("SIQ_MESH_SECRET", "Secret that signs tokens between our processes")
    state_url: str = setting("SIQ_STATE_URL", "Hot state, redis://host:port")
    log_url: str = setting("SIQ_LOG_URL", "Event log, redis://host:port")
    identity_addr: str = setting(
        "SIQ_IDENTITY_ADDR", "Identity service, host:port", default="127.0.0.1:7101"
    )
    intervention_addr: str = setting(
        "SIQ_INTERVENTION_ADDR", "Intervention service, host:port", default="127.0.0.1:7103"
    )
    ws_listen: str = setting("SIQ_WS_LISTEN", "WebSocket host:port", default="127.0.0.1:8080")
    share_ws_port: bool = setting(
        "SIQ_SHARE_WS_PORT",
        "Let several workers listen on SIQ_WS_LISTEN: the kernel spreads the sockets",
        default=False,
    )
    http_listen: str = setting("SIQ_HTTP_LISTEN", "HTTP host:port", default="127.0.0.1:8081")
    worker: str = setting("SIQ_WORKER", "Unique name of this worker", default="edge-1")
    max_buffer_bytes: int = setting(
        "SIQ_MAX_BUFFER_BYTES", "Unwritten log records held before sockets wait", default=64 << 20
    )
    drain_s: float = setting("SIQ_DRAIN_S", "Seconds over which sockets are sent away", default=2.0)
