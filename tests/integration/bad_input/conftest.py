"""One mesh for each module of bad input; every test must leave it alive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.integration.bad_input.world import World, running_world


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world() -> AsyncIterator[World]:
    async with running_world() as made:
        yield made


@pytest.fixture(autouse=True)
def everybody_lives(world: World) -> Iterator[None]:
    """The process lives: whatever was sent, nobody ended, restarted or wrote a traceback."""
    yield
    world.check_lives()
