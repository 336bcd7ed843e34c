"""Public keys that tenants keep at an address of theirs (JWKS): fetched when needed, kept a while.

A token that names a key nobody knows has the set fetched again, since keys rotate; but never more
often than each half minute, since anybody can name one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.common import logs
from services.common.guard import Guard, RefusedUrl, UnresolvedUrl
from services.common.http_client import Http, NotSent, Unanswered
from services.identity.token_policy import PublicKey, TokenPolicyError, read_key_set

_FRESH_S: Final = 600.0
_AGAIN_S: Final = 30.0
_log = logs.get(__name__)


@dataclass(slots=True)
class _Set:
    keys: Sequence[PublicKey] = ()
    asked_at: float = float("-inf")
    fetched_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeySets:
    """Of all tenants."""

    def __init__(
        self, guard: Guard, timeout_s: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """An identify waits `timeout_s` for keys at most."""
        self._guard = guard
        self._http = Http(total_timeout_s=timeout_s)
        self._clock = clock
        self._sets: dict[str, _Set] = {}
        self.fetched = 0
        self.failed = 0

    async def keys(
        self, url: str, known: Callable[[Sequence[PublicKey]], bool]
    ) -> Sequence[PublicKey]:
        """The keys at an address; fetched if they are old, or the `known` ones do not suffice.

        Where that fails, the last good ones.
        """
        held = self._sets.setdefault(url, _Set())
        async with held.lock:
            now = self._clock()
            fresh = now - held.fetched_at < _FRESH_S and known(held.keys)
            if not fresh and now - held.asked_at >= _AGAIN_S:
                held.asked_at = now
                try:
                    held.keys, held.fetched_at = await self._fetch(url), now
                    self.fetched += 1
                except (RefusedUrl, UnresolvedUrl, NotSent, Unanswered, TokenPolicyError) as error:
                    self.failed += 1
                    _log.warning("keys not fetched, the last ones stay", url=url, error=str(error))
        return held.keys

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()

    async def _fetch(self, url: str) -> list[PublicKey]:
        target = await self._guard.check(url)
        answer = await self._http.request(
            "GET",
            target.url,
            headers={"accept": "application/json", "host": target.host_header},
            tls_name=target.tls_name,
        )
        if answer.status != 200:
            raise TokenPolicyError(f"the address answered {answer.status}")
        return read_key_set(answer.body)
