"""What the sandbox reads from the environment."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """One address is all it needs."""

    http_listen: str = setting("SIQ_HTTP_LISTEN", "HTTP host:port", default="127.0.0.1:8099")
