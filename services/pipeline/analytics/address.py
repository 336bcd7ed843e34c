"""Which adapter a URL names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from services.common.settings import UrlError
from services.pipeline.analytics.embedded import EmbeddedAnalytics
from services.pipeline.analytics.port import Analytics
from services.pipeline.analytics.server import ServerAnalytics


def open_analytics(url: str) -> Analytics:
    """Open the adapter for a URL: chdb:///folder, clickhouse://… or, by TLS, clickhouses://…

    Nothing is connected yet.

    Raises:
        UrlError: the URL names no engine known here.
    """
    scheme, _, path = url.partition("://")
    if scheme == "chdb" and path.startswith("/"):
        return EmbeddedAnalytics(Path(path))
    if scheme in ("clickhouse", "clickhouses"):
        parts = urlsplit(url)
        if parts.hostname and parts.path in ("", "/"):
            try:
                return ServerAnalytics(url)
            except ValueError as error:
                raise UrlError(
                    "SIQ_ANALYTICS_URL cannot be read: expected clickhouse://user:password@host:9000"
                ) from error
        raise UrlError(
            "SIQ_ANALYTICS_URL: expected clickhouse://user:password@host:9000 and no database in "
            "it: the tables are always those of `sentientiq`"
        )
    # Without the URL: what was meant to be one may hold a password.
    raise UrlError(
        f"SIQ_ANALYTICS_URL begins with {scheme[:20]!r}: expected chdb:///absolute/folder or "
        "clickhouse://user:password@host:9000"
    )
