"""The durable path: 500 ms after detection, decide whatever the fast path has not."""

from __future__ import annotations

import asyncio
from typing import Any

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.consumer import Delivery, Poison
from services.common.errors import InvalidArgument
from services.intervention.answering.presence import Pages
from services.intervention.answering.waiting import Waiting
from services.intervention.clock import Clock
from services.intervention.deciding.decider import Decider, check_emotion
from services.intervention.policy import UNGUARDED
from services.intervention.store.decisions import read_decided

WAIT_MS = 500
_CONCURRENT = 32


class DurablePath:
    """Handles batches of emotion.v1."""

    def __init__(
        self, pool: Any, decider: Decider, waiting: Waiting, pages: Pages, clock: Clock
    ) -> None:
        self._pool = pool
        self._waiting = waiting
        self._decider = decider
        self._pages = pages
        self._clock = clock
        self._room = asyncio.Semaphore(_CONCURRENT)
        self.decided = 0

    async def handle(self, deliveries: list[Delivery[emotion_pb2.Emotion]]) -> None:
        """Decide what stands in the batch and has not been decided.

        Raises:
            Poison: an emotion that no service could have meant.
        """
        emotions = [delivery.message for delivery in deliveries]
        try:
            for emotion in emotions:
                check_emotion(emotion)
        except InvalidArgument as error:
            raise Poison(str(error)) from error
        newest_ms = max(emotion.detected_at_ms for emotion in emotions)
        # A clock ahead of ours must not hold up the log: never more than the wait itself.
        wait_ms = min(newest_ms + WAIT_MS - self._clock(), WAIT_MS)
        if wait_ms > 0:
            await asyncio.sleep(wait_ms / 1000)
        decided = await read_decided(self._pool, (emotion.id for emotion in emotions))
        episodes: dict[str, list[emotion_pb2.Emotion]] = {}
        for emotion in emotions:
            if (emotion.id, emotion.rev) not in decided:
                episodes.setdefault(emotion.id, []).append(emotion)
        ends = await asyncio.gather(
            *(self._decide(revisions) for revisions in episodes.values()), return_exceptions=True
        )
        failures = [end for end in ends if isinstance(end, BaseException)]
        for failure in failures:
            if not isinstance(failure, InvalidArgument):
                raise failure  # the batch is read again; what was decided stays decided
        if failures:
            raise Poison(str(failures[0])) from failures[0]

    async def _decide(self, revisions: list[emotion_pb2.Emotion]) -> None:
        async with self._room:
            for emotion in revisions:
                settled = await self._decider.decide(emotion, None, "durable")
                self.decided += settled.new
                shown = settled.decision.intervention
                if not settled.new or settled.decision.reason == UNGUARDED:
                    continue  # it was shown
                # No edge waits for this answer: find the page. What is to be shown later waits
                # until the page asks, at its next hello.
                if (
                    shown.id
                    and shown.timing != pb.TIMING_DELAYED
                    and await self._waiting.allows(shown)
                ):
                    await self._pages.push(shown)
