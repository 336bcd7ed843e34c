"""A process that is told to stop stops."""

from __future__ import annotations

import asyncio

import pytest

from services.common import process
from services.common.process import run_all


async def _deaf_once(cancellations: list[int]) -> None:
    """As a loop whose cancellation got lost in a library."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancellations.append(1)
            if len(cancellations) > 1:
                raise


async def test_loop_that_lost_its_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_CANCEL_AGAIN_S", 0.01)
    cancellations: list[int] = []
    running = asyncio.create_task(run_all(_deaf_once(cancellations), asyncio.sleep(3600)))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(cancellations) == 2


async def test_first_failure_ends_all_loops() -> None:
    async def fail() -> None:
        raise ValueError("this one")

    with pytest.raises(ValueError, match="this one"):
        await run_all(asyncio.sleep(3600), fail())
