"""Loops of the process: started together, stopped together, and calls that wait a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

_SOON_S = 0.02


class Soon:
    """Calls a function a moment later, once for all who asked meanwhile.

    Each round of the relay costs as much as several decisions, whether it moves one or a hundred.
    """

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._pending = False

    def call(self) -> None:
        """Ask for a call."""
        if not self._pending:
            self._pending = True
            asyncio.get_running_loop().call_later(_SOON_S, self._now)

    def _now(self) -> None:
        self._pending = False
        self._function()


class Loops:
    """Background loops that live and die together."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []

    def start(self, *loops: Coroutine[Any, Any, None]) -> None:
        self.tasks += [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def first_end(*tasks: asyncio.Task[Any]) -> None:
    """Wait for ever; a loop that ends is a crash, and its error ends the process."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    raise RuntimeError("a background loop ended")
