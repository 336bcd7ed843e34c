"""The Valkey client: a cancelled reader stops, whatever it was doing at that moment."""

from __future__ import annotations

import asyncio
import random

import pytest
from redis.exceptions import RedisError

from services.common import valkey


async def test_a_cancelled_reader_always_stops(state_url: str) -> None:
    client = valkey.connect(state_url)
    chance = random.Random(7)

    async def read_for_ever() -> None:
        while True:
            await client.xread({"nothing": "0-0"}, block=2)

    # With redis-py's own write a third of these lived on.
    for _ in range(100):
        reader = asyncio.create_task(read_for_ever())
        await asyncio.sleep(chance.uniform(0, 0.008))
        reader.cancel()
        done, _pending = await asyncio.wait([reader], timeout=5)
        assert done, "the cancellation was swallowed"
        assert reader.cancelled()
    await client.aclose()


async def test_a_server_that_is_not_there_is_an_error(state_url: str) -> None:
    client = valkey.connect(f"{state_url}.nobody")
    with pytest.raises(RedisError):
        await client.ping()
    await client.aclose()
