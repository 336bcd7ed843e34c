"""A reader of the log shares its loop: what waits is decoded by stretches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from services.common.consumer import Consumer, Delivery
from services.common.log import DECISION, Entry, Record

_ENTRIES, _EACH = 40, 8


class Full:
    """A log that many records wait in, and nothing comes after."""

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        return {}

    async def ends(self, topic: str) -> dict[int, int]:
        return {0: _ENTRIES}

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """It will be read once."""

    async def read(
        self, after: Mapping[int, int], *, limit: int, block_ms: int | None
    ) -> list[Entry]:
        if after[0]:
            await asyncio.Event().wait()
        record = Record(b"", b"x")
        return [Entry(0, number + 1, [record] * _EACH) for number in range(_ENTRIES)]


async def test_others_have_turns_while_a_large_batch_is_decoded():
    turns, decoded_at = 0, list[int]()
    handled: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def decode(value: bytes) -> bytes:
        decoded_at.append(turns)
        return value

    async def handle(deliveries: list[Delivery[bytes]]) -> None:
        handled.set_result(len(deliveries))

    log: Any = Full()
    consumer = Consumer(log, group="g", topic=DECISION, decode=decode, handle=handle, read=log.read)
    tasks = [asyncio.create_task(others()), asyncio.create_task(consumer.run())]
    try:
        async with asyncio.timeout(30):
            assert await handled == _ENTRIES * _EACH
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    longest = max(decoded_at.count(turn) for turn in set(decoded_at))
    assert longest < 32, f"{longest} records at a stretch"
