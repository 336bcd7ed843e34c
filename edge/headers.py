"""Headers that all ports of the edge read or send alike."""

from __future__ import annotations

from collections.abc import Iterable

from edge.settings import Settings

GPC = "Sec-GPC"
GPC_REFUSAL = "Global Privacy Control is set"
_A_YEAR_S = 365 * 24 * 3600


def security_headers(settings: Settings) -> dict[str, str]:
    """What keeps browsers from guessing and from telling others.

    Where the edge speaks TLS itself, also from coming without it.
    """
    headers = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    if settings.tls_cert:
        headers["Strict-Transport-Security"] = f"max-age={_A_YEAR_S}"
    return headers


def asks_for_privacy(values: Iterable[str]) -> bool:
    """Whether one of the `Sec-GPC` headers of a request says 1: what a proxy or an extension adds
    beside it takes nothing back."""
    return any(part.strip() == "1" for value in values for part in value.split(","))
