"""A service of the tenant's: GET, a JSON object back. Only public addresses, as for webhooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from services.common.guard import Guard, RefusedUrl, UnresolvedUrl
from services.common.http_client import Http, NotSent, Unanswered
from services.identity.enrich.port import NOTHING, EnricherError, Enrichment, read_fields
from services.identity.enrich.spec import FIELDS, KEY_PLACE, HttpSpec


class HttpJson:
    """Asks a URL for each key."""

    def __init__(self, spec: HttpSpec, folder: Path, guard: Guard) -> None:
        self._spec = spec
        self._folder = folder
        self._guard = guard
        self._http = Http(total_timeout_s=spec.timeout_ms / 1000)

    async def look_up(self, key: str) -> Enrichment:
        """Return what the service says of a key; see `Enricher`."""
        headers = {"accept": "application/json"}
        if self._spec.token:
            headers["authorization"] = f"Bearer {self._token()}"
        try:
            target = await self._guard.check(self._spec.url.replace(KEY_PLACE, quote(key, safe="")))
            answer = await self._http.request(
                "GET",
                target.url,
                headers={**headers, "host": target.host_header},
                tls_name=target.tls_name,
            )
        except (RefusedUrl, UnresolvedUrl, NotSent, Unanswered) as error:
            # Their messages name hosts and kinds of errors, never the path with the key.
            raise EnricherError(f"{type(error).__name__}: {error}") from error
        if answer.status == 404:
            return NOTHING
        if answer.status != 200:
            raise EnricherError(f"the service answered {answer.status}")
        return self._read(answer.body)

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    def _token(self) -> str:
        try:
            return (self._folder / self._spec.token).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise EnricherError(f"cannot read the token: {type(error).__name__}") from error

    def _read(self, body: bytes) -> Enrichment:
        try:
            told: object = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise EnricherError("the service answered no JSON") from error
        if not isinstance(told, dict):
            raise EnricherError("the service answered no JSON object")
        named = cast("dict[str, Any]", told)
        return read_fields({name: named.get(self._spec.columns.get(name, name)) for name in FIELDS})
