"""The writer of emotions: what a flush has written, and what waits for the next round."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from sentientiq.detection.v1 import emotion_pb2 as pb

from hotpath.emission import Emission
from hotpath.model import Model
from services.common.log import Append
from services.detection.emotions import EmotionWriter, to_emotion


class Line:
    """A writer with one round under way, on a log that answers when it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.rounds: list[int] = []
        self.writer = EmotionWriter(cast("Any", self))

    async def append(self, appends: Sequence[Append]) -> list[int]:
        self.rounds.append(sum(len(append.records) for append in appends))
        await self.open.wait()
        return [1] * len(appends)

    def put(self, *numbers: int) -> None:
        self.writer.put(
            [pb.Emotion(id=f"e{n}", tenant_id="t", session_id=f"s{n}") for n in numbers]
        )

    async def flush(self) -> asyncio.Task[None]:
        """Begin to flush, as far as it gets for now."""
        flushing = asyncio.create_task(self.writer.flush())
        await asyncio.sleep(0)
        return flushing


@pytest.fixture
def line() -> Line:
    return Line()


async def test_what_comes_during_a_round_waits_for_the_next(line: Line) -> None:
    line.put(1)
    flushing = await line.flush()
    line.put(2)
    line.open.set()
    await flushing
    assert line.rounds == [1]
    assert line.writer.waiting == 1


async def test_a_flush_during_a_round_writes_all_that_was_put_before_it(line: Line) -> None:
    line.put(1)
    first = await line.flush()
    line.put(2, 3)
    second = await line.flush()
    line.open.set()
    await asyncio.gather(first, second)
    assert line.rounds == [1, 2]
    assert line.writer.waiting == 0


def test_an_emotion_names_the_model_and_the_calibration_of_its_kind() -> None:
    model = Model()
    for kind in model.versions:
        emission = Emission("t", "s", "p", 1, 1, kind, 60, "x", 1, [], [], "/", "b")
        emotion = to_emotion(emission, model)
        assert (emotion.model, emotion.calibration) == (
            model.versions[kind],
            model.calibrations[kind],
        )
        assert emotion.model
