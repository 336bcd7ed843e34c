"""The pipeline's own readers and sinks, in this process, over a log that was filled before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.pipeline.traffic import ROUND, Traffic
from services.common.consumer import Consumer, Delivery
from services.common.log import BEHAVIOR, EventLog
from services.pipeline.analytics import EmbeddedAnalytics
from services.pipeline.archive import open_archive
from services.pipeline.archive.compaction import compact
from services.pipeline.arrow import pa
from services.pipeline.decode import Frame
from services.pipeline.event_rows import event_rows
from services.pipeline.readers import readers_of
from services.pipeline.sinks import AnalyticsSink, ArchiveSink, wall_ms
from services.pipeline.topics import TOPICS

_TOPIC = next(topic for topic in TOPICS if topic.name == BEHAVIOR)
# Between blocks, as the pipeline's default is.
_BLOCK_S = 2.0
_FRAMES = "SELECT uniqExact(session_id, stream_id, seq) AS n FROM sentientiq.events FINAL"
_ROWS = "SELECT count() AS n FROM sentientiq.events FINAL"
_KEYS = "SELECT uniqExact(session_id, stream_id, seq, edge_offset, idx) AS n FROM sentientiq.events"
_BYTES = (
    "SELECT sum(bytes_on_disk) AS n FROM system.parts"
    " WHERE database = 'sentientiq' AND table = 'events' AND active"
)


class Carried(NamedTuple):
    """What a run took."""

    wall_s: float
    cpu_s: float
    rows: int
    lost: int
    """Frames that are not in analytics."""
    duplicated: int
    """Rows that are there twice."""
    analytics_bytes: int
    archive_bytes: int
    compacted_bytes: int
    """Of the same rows after a compaction."""
    compact_cpu_s: float


async def carry(
    log: EventLog, traffic: Traffic, folder: Path, *, archive: bool, block_s: float = _BLOCK_S
) -> Carried:
    """Carry all that is in the log into fresh stores below a folder."""
    analytics = EmbeddedAnalytics(folder / "analytics")
    try:
        await analytics.migrate()
        kept = open_archive(f"file://{folder}/archive")
        readers: dict[str, tuple[Any, float]] = {
            "analytics": (AnalyticsSink(_TOPIC, analytics).handle, block_s)
        }
        if archive:
            into = ArchiveSink(_TOPIC, kept)
            await into.recover(await log.ends(BEHAVIOR))
            readers["archive"] = (into.handle, block_s)
        consumers = readers_of(log, _TOPIC, **readers)
        cpu_s, began_s = time.process_time(), time.perf_counter()
        await run(consumers, lambda: all_caught_up(consumers))
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - began_s
        rows = await number(analytics, _ROWS)
        archive_bytes = size_of(folder, "part-*.parquet")
        compact_s = time.process_time()
        if archive:
            await asyncio.to_thread(list, compact(kept, BEHAVIOR, _TOPIC.order))
        return Carried(
            wall_s,
            cpu_s,
            rows,
            traffic.frames - await number(analytics, _FRAMES),
            rows - await number(analytics, _KEYS),
            await number(analytics, _BYTES),
            archive_bytes,
            size_of(folder, "part-*.parquet"),
            time.process_time() - compact_s,
        )
    finally:
        await analytics.close()


async def freshness(
    log: EventLog, folder: Path, *, frames_per_s: int, seconds: float
) -> list[float]:
    """Seconds from the edge's clock to the end of the insert, of every frame of live traffic."""
    analytics = EmbeddedAnalytics(folder / "analytics")
    found: list[float] = []
    try:
        await analytics.migrate()
        sink = AnalyticsSink(_TOPIC, analytics)

        traffic = Traffic()
        over = asyncio.Event()
        """Set with the last frame, once no more are written."""
        live_yet = True

        async def timed(deliveries: list[Delivery[Frame]]) -> None:
            await sink.handle(deliveries)
            now_ns = time.time_ns()
            found.extend((now_ns - item.message.received_at_ns) / 1e9 for item in deliveries)
            if not live_yet and len(found) >= traffic.frames:
                over.set()

        async def live() -> None:
            nonlocal live_yet
            began_s = time.perf_counter()
            while (at_s := time.perf_counter() - began_s) < seconds:
                while traffic.frames < at_s * frames_per_s:
                    await log.append(traffic.round(ROUND))
                await asyncio.sleep(0.004)
            live_yet = False
            # What is written from here on is in no batch that was handled before.
            await log.append(traffic.round(ROUND))
            await over.wait()

        await run(readers_of(log, _TOPIC, analytics=(timed, _BLOCK_S)), live)
    finally:
        await analytics.close()
    return sorted(found)


async def naive(frames: int, folder: Path) -> float:
    """Rows a second if each is inserted by itself, as a first version would."""
    analytics = EmbeddedAnalytics(folder / "analytics")
    try:
        await analytics.migrate()
        traffic = Traffic()
        deliveries = [
            Delivery(_TOPIC.decode(record.value), append.partition, 1, record)
            for append in traffic.round(frames)
            for record in append.records
        ]
        rows = event_rows(deliveries, wall_ms())
        began_s = time.perf_counter()
        for number in range(rows.num_rows):
            await analytics.insert("events", rows.slice(number, 1))
        return float(rows.num_rows / (time.perf_counter() - began_s))
    finally:
        await analytics.close()


def size_of(folder: Path, pattern: str) -> int:
    """Bytes in files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob(pattern))


async def run(
    consumers: list[Consumer[Any]], until: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    running = [asyncio.create_task(consumer.run()) for consumer in consumers]
    waiting = asyncio.create_task(until())
    try:
        # A reader that fails must not be waited for.
        done, _ = await asyncio.wait([*running, waiting], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (*running, waiting):
            task.cancel()
        await asyncio.gather(*running, waiting, return_exceptions=True)


async def all_caught_up(consumers: list[Consumer[Any]]) -> None:
    for consumer in consumers:
        await consumer.caught_up.wait()


async def number(analytics: EmbeddedAnalytics, sql: str) -> int:
    stream = pa.ipc.open_stream(await analytics.query(sql, {}))
    return int(stream.read_all().to_pylist()[0]["n"])
