"""Loops of the process: started together, stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


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
