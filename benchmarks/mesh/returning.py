"""Pages that come back after the edge has closed them, with full jitter, as the SDK does."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.mesh.crowd import Crowd
    from benchmarks.mesh.socket import PageSocket

_FIRST_S: Final = 1.0
_MOST_S: Final = 60.0


class Returning:
    """Brings closed pages back to their places in a list."""

    def __init__(self, crowd: Crowd, pages: list[PageSocket]) -> None:
        self._crowd = crowd
        self._pages = pages
        self._attempts: Counter[int] = Counter()
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def bring_back(self, place: int) -> None:
        """Let the page of a place connect again, unless it is about to."""
        if place not in self._tasks:
            self._tasks[place] = asyncio.create_task(self._return(place))

    async def stop(self) -> None:
        """Let those that are away be."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _return(self, place: int) -> None:
        old = self._pages[place]
        if old.acked:  # progress, not a mere connection, ends the back-off
            self._attempts[place] = 0
        longest_s = min(_MOST_S, _FIRST_S * 2 ** self._attempts[place])
        self._attempts[place] += 1
        try:
            await asyncio.sleep(random.uniform(0, longest_s))
            self._crowd.close(old)
            self._pages[place] = await self._crowd.open(session=old.session, resume=old.resume)
        except (OSError, TimeoutError):
            self._crowd.counters["not_back"] += 1
        finally:
            del self._tasks[place]
