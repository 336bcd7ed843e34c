"""Settings of an edge worker."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from edge.sources import networks
from services.common.settings import SettingsError, setting

_LIMITS: Final = ("max_connections_", "hellos_per_s_", "frames_per_s_")


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once from the environment."""

    mesh_secret: str = setting("SIQ_MESH_SECRET", "Secret that signs tokens between our processes")
    state_url: str = setting("SIQ_STATE_URL", "Hot state, redis://host:port")
    log_url: str = setting("SIQ_LOG_URL", "Event log, redis:// or kafka://host:port")
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
        "SIQ_MAX_BUFFER_BYTES", "Unwritten log records held before sockets wait", default=32 << 20
    )
    drain_s: float = setting("SIQ_DRAIN_S", "Seconds over which sockets are sent away", default=2.0)
    max_connections_per_ip: int = setting(
        "SIQ_MAX_CONNECTIONS_PER_IP",
        "Open sockets of one address (IPv6: one /64) at this worker; 0: any number",
        default=1_000,
    )
    max_connections_per_tenant: int = setting(
        "SIQ_MAX_CONNECTIONS_PER_TENANT",
        "Open sockets of one tenant at this worker; 0: any number",
        default=10_000,
    )
    hellos_per_s_per_ip: int = setting(
        "SIQ_HELLOS_PER_S_PER_IP",
        "Hellos a second of one address, three seconds' worth at once; 0: any number",
        default=400,
    )
    frames_per_s_per_ip: int = setting(
        "SIQ_FRAMES_PER_S_PER_IP",
        "Frames a second of one address, three seconds' worth at once; 0: any number",
        default=2_000,
    )
    frames_per_s_per_key: int = setting(
        "SIQ_FRAMES_PER_S_PER_KEY",
        "Frames a second under one key, three seconds' worth at once; 0: any number",
        default=5_000,
    )
    trusted_proxies: tuple[str, ...] = setting(
        "SIQ_TRUSTED_PROXIES",
        "CIDRs of the proxies whose X-Forwarded-For is believed, comma list",
        default=(),
    )
    tls_cert: str = setting(
        "SIQ_TLS_CERT",
        "File of the certificate chain (PEM) for both ports; empty: no TLS",
        default="",
    )
    tls_key: str = setting("SIQ_TLS_KEY", "File of its key (PEM, not encrypted)", default="")
    sdk_file: str = setting(
        "SIQ_SDK_FILE", "File of the SDK that is served; empty: the one built along", default=""
    )

    def __post_init__(self) -> None:
        """Refuse what parses and cannot be meant.

        Raises:
            SettingsError: naming each such variable, and the mend.
        """
        problems = [
            f"{field.metadata['variable']}={value} is not usable: 0 (any number) or more"
            for field in fields(self)
            if field.name.startswith(_LIMITS) and (value := getattr(self, field.name)) < 0
        ]
        if bool(self.tls_cert) != bool(self.tls_key):
            lacking = "SIQ_TLS_KEY" if self.tls_cert else "SIQ_TLS_CERT"
            problems.append(f"{lacking} is not usable empty: set both for TLS, or neither")
        try:
            networks(self.trusted_proxies)
        except ValueError as error:
            problems.append(f"SIQ_TRUSTED_PROXIES is not usable: {error}")
        if problems:
            raise SettingsError("cannot start:\n  " + "\n  ".join(problems))
