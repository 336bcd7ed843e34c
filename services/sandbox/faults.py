"""Make a provider misbehave: for the next N requests, or for one by its query string."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

PROVIDERS = ("twilio", "slack", "webhook", "teams", "pagerduty")


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """What to do instead of answering well.

    With `status` 0 the request succeeds, only later; `delay_ms` beyond the caller's patience makes
    an accepted message whose sender never learns of it. `drop` cuts the connection after accepting.
    With `lies`, an accepted message is answered with `body`, whatever the provider would say.
    """

    provider: Literal["twilio", "slack", "webhook", "teams", "pagerduty"]
    status: Annotated[int, msgspec.Meta(ge=0, le=599)] = 0
    times: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 0
    retry_after_s: Annotated[int, msgspec.Meta(ge=0, le=3600)] | None = None
    body: Annotated[str, msgspec.Meta(max_length=10_000)] = ""
    code: int = 0
    """Twilio's error number."""
    drop: bool = False
    lies: bool = False
    silent: bool = False
    """No status callbacks for it."""
    first_only: bool = False
    """Of Twilio's messages, only the first attempt of each fails; every one is as slow."""

    @property
    def accepts(self) -> bool:
        """Whether the message counts as received."""
        return not self.status or 200 <= self.status < 300

    async def wait(self) -> None:
        """Be slow."""
        if self.delay_ms:
            await asyncio.sleep(self.delay_ms / 1000)


class Faults:
    """Faults in order of arrival, used up one request at a time."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []
        self._tried: set[str] = set()

    def add(self, fault: Fault) -> None:
        """Queue a fault."""
        self._pending.append(fault)

    def clear(self) -> None:
        """Behave well again."""
        self._pending.clear()
        self._tried.clear()

    def list(self) -> list[Fault]:
        """What still waits."""
        return list(self._pending)

    def take(self, provider: str, query: Mapping[str, str], message: str = "") -> Fault | None:
        """The fault for this request: its own (`?status=500&delay_ms=20`), else the next queued.

        Args:
            message: what is the same at each attempt of a message.

        Raises:
            msgspec.ValidationError: the query asks for something impossible.
        """
        own = {
            name: query[name] for name in ("status", "delay_ms", "retry_after_s") if name in query
        }
        if own:
            return msgspec.convert({"provider": provider, **own}, Fault, strict=False)
        for fault in self._pending:
            if fault.provider == provider:
                fault.times -= 1
                if fault.times <= 0:
                    self._pending.remove(fault)
                return self._only_first(fault, message) if fault.first_only else fault
        return None

    def _only_first(self, fault: Fault, message: str) -> Fault:
        if message not in self._tried:
            self._tried.add(message)
            return fault
        return Fault(provider=fault.provider, delay_ms=fault.delay_ms)
