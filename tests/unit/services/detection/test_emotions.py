"""The writer of emotions: what a flush has written, and what waits for the next round."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from sentientiq.detection.v1 import emotion_pb2 as pb

from services.common.log import Append
from services.detection.emotions import EmotionWriter


class Log:
    """A log that answers when it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.rounds: list[int] = []

    async def append(self, appends: Sequence[Append]) -> list[int]:
        self.rounds.append(sum(len(append.records) for append in appends))
        await self.open.wait()
        return [1] * len(appends)


def _emotion(number: int) -> pb.Emotion:
    return pb.Emotion(id=f"e{number}", tenant_id="t", session_id=f"s{number}")


async def test_a_flush_writes_what_was_put_before_it_and_nothing_later() -> None:
    log = Log()
    writer = EmotionWriter(cast("Any", log))
    writer.put([_emotion(1)])
    first = asyncio.create_task(writer.flush())
    await asyncio.sleep(0)
    writer.put([_emotion(2), _emotion(3)])
    second = asyncio.create_task(writer.flush())
    await asyncio.sleep(0)
    writer.put([_emotion(4)])
    log.open.set()
    await first
    assert log.rounds[0] == 1
    assert writer.written in (1, 4)  # the second may have followed at once
    await second
    assert log.rounds == [1, 3]
    assert writer.waiting == 0


async def test_what_comes_during_a_round_waits_for_the_next() -> None:
    log = Log()
    writer = EmotionWriter(cast("Any", log))
    writer.put([_emotion(1)])
    flushing = asyncio.create_task(writer.flush())
    await asyncio.sleep(0)
    writer.put([_emotion(2)])
    log.open.set()
    await flushing
    assert log.rounds == [1]
    assert writer.waiting == 1
