"""How soon a partition goes on behind what can never be applied."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any, Final

from sentientiq.detection.v1.emotion_pb2 import Emotion

from benchmarks.pipeline.carrying import run
from services.common.consumer import Consumer, Delivery
from services.common.log import DECISION, EMOTION, Append, EventLog, Record
from services.common.partition import partition_of, record_key
from services.common.schema import schema_of
from services.pipeline.decode import decode_emotion

_TENANT, _SESSION = "tenant", "s1"
_PARTITION: Final = partition_of(_TENANT, _SESSION)
_GOOD: Final = Emotion(
    id="e1", tenant_id=_TENANT, session_id=_SESSION, occurred_at_ms=1_700_000_000_000
).SerializeToString()


class NotSetAside(Exception):
    """What was meant as poison was applied."""


async def moves_on(log: EventLog, rounds: int) -> dict[str, float]:
    """Seconds from poison's being in the log until the record after it is applied: by kind, the
    worst of some rounds.

    By a reader that does not linger: one that does is as late without poison.
    """
    applied: asyncio.Queue[int] = asyncio.Queue()
    worst_s: dict[str, float] = {}

    async def take(deliveries: list[Delivery[Emotion]]) -> None:
        for delivery in deliveries:
            await applied.put(delivery.offset)

    consumer: Consumer[Any] = Consumer(
        log, group="analytics", topic=EMOTION, decode=decode_emotion, handle=take
    )

    async def spoil() -> None:
        await consumer.caught_up.wait()
        for kind, poison in _kinds().items():
            for _ in range(rounds):
                await log.append([_append(poison)])
                began_s = time.perf_counter()
                (offset,) = await log.append([_append(_record(_GOOD))])
                if await applied.get() != offset:
                    raise NotSetAside(kind)
                took_s = time.perf_counter() - began_s
                worst_s[kind] = max(took_s, worst_s.get(kind, 0.0))

    await run([consumer], spoil)
    return worst_s


def _kinds() -> dict[str, Record]:
    schema, _, version = schema_of(EMOTION).rpartition("/")
    return {
        "truncated": _record(_GOOD[:-3]),
        "wrong_schema": _record(_GOOD, schema_of(DECISION)),
        "future_version": _record(_GOOD, f"{schema}/{int(version) + 1}"),
        "10_mb": _record(os.urandom(10 * 1024 * 1024)),
    }


def _record(value: bytes, schema: str = schema_of(EMOTION)) -> Record:
    return Record(record_key(_TENANT, _SESSION), value, {"schema": schema})


def _append(record: Record) -> Append:
    return Append(EMOTION, _PARTITION, [record])
