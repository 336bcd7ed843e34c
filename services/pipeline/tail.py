"""Emotions live: reads emotion.v1 from its end, at the pace of whoever looks on.

A tail is no group of the log: it commits nothing and keeps nothing from being trimmed. One that
falls behind the trimmer is told so rather than waited for.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Generator, Mapping

from google.protobuf.message import DecodeError
from sentientiq.detection.v1.emotion_pb2 import Emotion

from services.common.errors import ResourceExhausted, Unavailable
from services.common.log import EMOTION, Entry, EventLog, LogUnavailable
from services.common.partition import record_key
from services.pipeline.decode import decode_emotion
from services.pipeline.seen import SeenIds

_MOST_TAILS = 32
# How long a stop may go unnoticed by a tail that has nothing to send.
_BLOCK_MS = 500
# Entries a partition and read: what one tail holds at most while its caller does not read.
_LIMIT = 16


class Tails:
    """The tails that are open on this process."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._stopping = False
        self.open = 0

    def stop(self) -> None:
        """End every tail within half a second; a server that stops would wait for them."""
        self._stopping = True

    @contextlib.contextmanager
    def room(self) -> Generator[None]:
        """Room for one more tail.

        Raises:
            ResourceExhausted: there is none.
        """
        if self.open >= _MOST_TAILS:
            raise ResourceExhausted(f"{_MOST_TAILS} tails are open on this process; try later")
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    async def end(self) -> dict[int, int]:
        """Where the log ends now.

        Raises:
            Unavailable: the log is away.
        """
        with _log_needed():
            return await self._log.ends(EMOTION)

    async def follow(
        self, tenant_id: str, after: Mapping[int, int]
    ) -> AsyncIterator[tuple[Emotion, bool]]:
        """Yield what a tenant's visitors feel after a place, and whether the log has a gap before.

        Nothing is read while the last emotion waits to be taken.

        Raises:
            Unavailable: the process stops, or the log is away.
        """
        place = dict(after)
        seen = SeenIds[Emotion](("id", "rev"), lambda emotion: (emotion.id, emotion.rev))
        after_gap = False
        while not self._stopping:
            with _log_needed():
                entries = await self._log.read(EMOTION, place, limit=_LIMIT, block_ms=_BLOCK_MS)
            for entry in entries:
                after_gap |= entry.offset > place[entry.partition] + 1
                place[entry.partition] = entry.offset
                for emotion in _emotions_of(entry, tenant_id):
                    if seen.is_new(emotion):
                        yield emotion, after_gap
                        after_gap = False
        raise Unavailable("the pipeline is stopping, tail again")


def _emotions_of(entry: Entry, tenant_id: str) -> list[Emotion]:
    prefix = record_key(tenant_id, "")
    found: list[Emotion] = []
    for record in entry.records:
        if record.key.startswith(prefix):
            # What does not parse is a dead letter of the consumers.
            with contextlib.suppress(DecodeError, ValueError):
                emotion = decode_emotion(record.value)
                if emotion.tenant_id == tenant_id:
                    found.append(emotion)
    return found


@contextlib.contextmanager
def _log_needed() -> Generator[None]:
    try:
        yield
    except LogUnavailable as error:
        raise Unavailable("the log is away, tail again") from error
