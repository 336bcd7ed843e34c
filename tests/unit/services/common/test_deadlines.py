"""How long a caller still waits, on the task that serves it."""

from __future__ import annotations

import asyncio

from services.common import deadlines


async def _noted(remaining_s: float | None, own_s: float | None) -> tuple[float | None, bool]:
    deadlines.begin(remaining_s)
    return deadlines.within(own_s), deadlines.over()


async def noted(remaining_s: float | None, own_s: float | None) -> tuple[float | None, bool]:
    """In a task of its own, as each call is served."""
    return await asyncio.create_task(_noted(remaining_s, own_s))


async def test_the_less_of_the_two_counts():
    assert await noted(60.0, 1.0) == (1.0, False)
    assert await noted(None, 1.0) == (1.0, False)
    assert await noted(None, None) == (None, False)
    for own_s in (100.0, None):
        left_s, over = await noted(60.0, own_s)
        assert left_s is not None
        assert 59.0 < left_s <= 60.0
        assert not over


async def test_nobody_has_less_than_nothing():
    assert await noted(-1.0, 5.0) == (0.0, True)


async def test_work_of_its_own_forgets_its_caller_and_its_caller_does_not():
    deadlines.begin(0.0)
    assert await noted(None, 5.0) == (5.0, False)
    assert deadlines.over()
