"""The open sockets of a worker: looked after each second, without a task or a timer for each."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

_ROUND_S = 1.0
_TOGETHER = 500
"""Sockets looked at in one go: a millisecond or so."""


class Socket(Protocol):
    """What can be looked after."""

    @property
    def due_s(self) -> float:
        """When it is to be checked next, monotonic; 0: each time."""
        ...

    def check(self, now_s: float) -> None:
        """Ping, close, or give up; `now_s` is monotonic."""
        ...

    def abort(self) -> None:
        """Tear the connection down."""
        ...


class Sockets:
    """All of them."""

    def __init__(self) -> None:
        self._open: set[Socket] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, socket: Socket) -> None:
        """One was opened."""
        self._open.add(socket)
        self._empty.clear()

    def discard(self, socket: Socket) -> None:
        """One is gone."""
        self._open.discard(socket)
        if not self._open:
            self._empty.set()

    def __len__(self) -> int:
        return len(self._open)

    def abort(self) -> None:
        """Tear down those that are left."""
        for socket in list(self._open):
            socket.abort()

    async def all_gone(self) -> None:
        """Wait until none is open."""
        await self._empty.wait()

    async def look_after(self) -> None:
        """Check each about once a second, until cancelled."""
        while True:
            sockets = list(self._open)
            pause_s = _ROUND_S * _TOGETHER / max(len(sockets), _TOGETHER)
            for start in range(0, max(len(sockets), 1), _TOGETHER):
                now_s = time.monotonic()
                for socket in sockets[start : start + _TOGETHER]:
                    if socket.due_s <= now_s:  # of ten thousand nearly none
                        socket.check(now_s)
                await asyncio.sleep(pause_s)
