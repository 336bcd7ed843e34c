"""PostgreSQL's notifications, on one connection for the whole process.

A notification only says where to look. What was sent while nobody listened is lost, so each who is
told is also told when listening begins (again): then they look everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from services.common import logs
from services.identity.database import AWAY, connect_alone

_PROBE_S = 10
_TIMEOUT_S = 5
RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)
_log = logs.get(__name__)


class Subscriber(Protocol):
    """Somebody who is told."""

    @property
    def channels(self) -> Sequence[str]:
        """What to be told of."""
        ...

    def heard(self, channel: str, payload: str) -> None:
        """Take a notification."""
        ...

    def began(self) -> None:
        """Take it that anything may have happened unheard."""
        ...

    def lost(self) -> None:
        """Take it that nothing is heard until it begins again."""
        ...

    def ended(self) -> None:
        """Take it that nothing will be heard any more: the process stops."""
        ...


class Listener:
    """Passes notifications on."""

    def __init__(self, url: str, subscribers: Sequence[Subscriber]) -> None:
        self._url = url
        self._subscribers = subscribers
        self._failures = 0  # in a row

    async def run(self) -> None:
        """Listen until cancelled."""
        try:
            while True:
                try:
                    await self._listen()
                except AWAY as error:
                    if self._failures == 0:
                        _log.warning("notifications away, waiting", error=type(error).__name__)
                    self._failures += 1
                await asyncio.sleep(RETRY_S[min(self._failures, len(RETRY_S) - 1)])
        finally:
            for subscriber in self._subscribers:
                subscriber.ended()

    async def _listen(self) -> None:
        """Listen on one connection until it is lost."""
        connection = await connect_alone(self._url, _TIMEOUT_S)
        lost = asyncio.Event()

        def lose(_connection: Any) -> None:
            lost.set()

        try:
            connection.add_termination_listener(lose)
            for subscriber in self._subscribers:
                for channel in subscriber.channels:
                    await connection.add_listener(channel, self._heard)
            self._failures = 0
            for subscriber in self._subscribers:
                subscriber.began()
            while not lost.is_set():
                try:
                    await asyncio.wait_for(lost.wait(), _PROBE_S)
                except TimeoutError:
                    # A peer that vanished without closing is found only by asking.
                    await connection.execute("SELECT 1", timeout=_TIMEOUT_S)
        finally:
            for subscriber in self._subscribers:
                subscriber.lost()
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, channel: str, payload: str) -> None:
        for subscriber in self._subscribers:
            if channel in subscriber.channels:
                subscriber.heard(channel, payload)
