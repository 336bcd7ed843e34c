"""Wait in tests for what must come, instead of for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_PATIENCE_S = 30


async def until(holds: Callable[[], bool]) -> None:
    """Return once it holds.

    Raises:
        TimeoutError: it never did.
    """
    async with asyncio.timeout(_PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)
