"""Stores that grow: so many events carried into both, then what it took and what asking takes."""

from __future__ import annotations

import re
import resource
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.pipeline.carrying import all_caught_up, number, run, size_of
from benchmarks.pipeline.traffic import Traffic
from benchmarks.reports.waited_for import waited_for
from cli.engines import LogValkey
from services.common.log import BEHAVIOR, EventLog
from services.pipeline.analytics import Daily, EmbeddedAnalytics
from services.pipeline.archive import open_archive
from services.pipeline.readers import readers_of
from services.pipeline.reports import Reports
from services.pipeline.sinks import AnalyticsSink, ArchiveSink
from services.pipeline.topics import TOPICS

_TOPIC = next(topic for topic in TOPICS if topic.name == BEHAVIOR)
_BLOCK_S = 2.0
# Events in the log at once: the readers keep up, and what is read is trimmed.
_SLICE = 500_000
_BYTES = (
    "SELECT sum(bytes_on_disk) AS n FROM system.parts"
    " WHERE database = 'sentientiq' AND table = 'events' AND active"
)
_PARTS = _BYTES.replace("sum(bytes_on_disk)", "count()")
_ROWS = "SELECT count() AS n FROM sentientiq.events FINAL"
_TENANT = "tenant"
_VALUES = {"Date": "2025-01-01", "String": "x"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of stores with so many events."""

    events: int
    cpu_us_per_event: float
    """Of the pipeline, log entry to rows in both stores, of the events since the last size."""
    log_bytes_per_event: float
    """In Valkey's memory, until its readers have read."""
    analytics_bytes_per_event: float
    archive_bytes_per_event: float
    parts: int
    """Of analytics: what FINAL has to put together."""
    count_day_s: float
    """Counting the totals of the one day that all events are of."""
    count_day_cpu_s: float
    slowest_report: str
    slowest_report_ms: float
    peak_rss_mb: float
    lost: int


async def grow(
    log: EventLog, server: LogValkey, folder: Path, sizes: Sequence[int]
) -> AsyncIterator[Cost]:
    """Yield the cost at each size, in order."""
    analytics = EmbeddedAnalytics(folder / "analytics")
    try:
        await analytics.migrate()
        daily = Daily(analytics)
        (folder / "archive").mkdir()
        archive = ArchiveSink(_TOPIC, open_archive(f"file://{folder}/archive"))
        await archive.recover(await log.ends(BEHAVIOR))
        into = AnalyticsSink(_TOPIC, analytics, daily)
        traffic, done, empty = Traffic(), 0, used(server)
        for size in sizes:
            cpu_s, log_bytes = 0.0, 0
            while traffic.events < size:
                await traffic.fill(log, min(_SLICE, size - traffic.events))
                log_bytes = max(log_bytes, used(server) - empty)
                consumers = readers_of(
                    log,
                    _TOPIC,
                    analytics=(into.handle, _BLOCK_S),
                    archive=(archive.handle, _BLOCK_S),
                )
                began_s = time.process_time()
                await run(consumers, partial(all_caught_up, consumers))
                cpu_s += time.process_time() - began_s
                await log.trim(BEHAVIOR, await log.ends(BEHAVIOR))
            wall_s, count_cpu_s = time.perf_counter(), time.process_time()
            await daily.refresh()
            wall_s, count_cpu_s = (
                time.perf_counter() - wall_s,
                time.process_time() - count_cpu_s,
            )
            slowest_ms, slowest = await _slowest(analytics)
            rows = await number(analytics, _ROWS)
            yield Cost(
                traffic.events,
                round(cpu_s * 1e6 / (traffic.events - done), 3),
                round(log_bytes / min(_SLICE, traffic.events - done), 1),
                round(await number(analytics, _BYTES) / rows, 2),
                round(size_of(folder, "part-*.parquet") / rows, 2),
                await number(analytics, _PARTS),
                round(wall_s, 2),
                round(count_cpu_s, 2),
                slowest,
                round(slowest_ms, 1),
                round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                traffic.events - rows,
            )
            done = traffic.events
    finally:
        await analytics.close()


async def _slowest(analytics: EmbeddedAnalytics) -> tuple[float, str]:
    reports = Reports(analytics)
    took: list[tuple[float, str]] = []
    for report in waited_for().values():
        types: dict[str, Any] = dict(re.findall(r"\{(\w+):(\w+)", report.sql))
        given = {
            name: _VALUES.get(types[name], "1")
            for name in report.parameters - report.defaults.keys()
        }
        tries: list[float] = []
        for _ in range(3):  # the best: what else the machine does is no cost of ours
            began_s = time.perf_counter()
            await reports.run(_TENANT, report.name, given)
            tries.append(1_000 * (time.perf_counter() - began_s))
        took.append((min(tries), report.name))
    return max(took)


def used(server: LogValkey) -> int:
    """Bytes that the log's server holds in memory."""
    text = server.ask("INFO", "memory").decode(errors="replace")
    found = re.search(r"^used_memory:(\d+)", text, re.MULTILINE)
    if found is None:
        raise ValueError("the log does not say how much memory it uses")
    return int(found[1])
