"""Headers of every answer of the edge, to keep browsers from guessing and from telling others."""

from __future__ import annotations

from edge.settings import Settings

_A_YEAR_S = 365 * 24 * 3600


def security_headers(settings: Settings) -> dict[str, str]:
    """Where the edge speaks TLS itself, also never to come without it."""
    headers = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    if settings.tls_cert:
        headers["Strict-Transport-Security"] = f"max-age={_A_YEAR_S}"
    return headers
