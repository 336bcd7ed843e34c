"""`python -m benchmarks pipeline`: from the log into analytics and the archive."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks.pipeline.carrying import Carried, carry, freshness, naive, size_of
from benchmarks.pipeline.poison import moves_on
from benchmarks.pipeline.traffic import Traffic
from cli.engines import LogValkey, SocketFolder
from services.common import collector
from services.common.log import BEHAVIOR, EventLog, open_log
from tests.engines.kafka.broker import Broker
from tests.engines.kafka.jars import NoBroker, jars

_POISON_ROUNDS = 5


async def _valkey(folder: Path, events: int, naive_frames: int, live_s: float) -> dict[str, Any]:
    sockets = SocketFolder.of(folder)
    engine = LogValkey(folder / "log", sockets.create())
    log = open_log(engine.start())
    try:
        empty = _used(engine)
        traffic = Traffic()
        await traffic.fill(log, events)
        log_bytes = _used(engine) - empty
        done = await carry(log, traffic, _made(folder / "small"), archive=False)
        found: dict[str, Any] = {
            "events": traffic.events,
            "cpu_us_per_event": round(done.cpu_s * 1e6 / traffic.events, 3),
            "log_to_analytics_events_per_s": round(traffic.events / done.wall_s),
            "lost": done.lost,
            "duplicated": done.duplicated,
            "log_bytes_per_event": round(log_bytes / traffic.events, 1),
            "analytics_bytes_per_event": round(done.analytics_bytes / done.rows, 1),
        }
        engine.ask("FLUSHALL")
        both = await _both(log, folder / "both", events)
        found |= {f"with_archive_{name}": value for name, value in both.items()}
        engine.ask("FLUSHALL")
        ages = await freshness(log, _made(folder / "live"), frames_per_s=2_000, seconds=live_s)
        found["freshness_p99_s"] = round(ages[int(len(ages) * 0.99)], 3)
        rows_per_s = await naive(naive_frames, _made(folder / "naive"))
        found["naive_rows_per_s"] = round(rows_per_s)
        return found | await _poison(log, "")
    finally:
        await log.close()
        engine.stop()
        sockets.remove()


async def _kafka(folder: Path, events: int) -> dict[str, Any]:
    broker = Broker(folder / "kafka")
    log = open_log(broker.start())
    try:
        both = await _both(log, folder / "stores", events)
        written = size_of(broker.data, f"{BEHAVIOR}-*/*.log")
        both["log_bytes_per_event"] = round(written / events, 1)
        found = {f"kafka_{name}": value for name, value in both.items()}
        return found | await _poison(log, "kafka_")
    finally:
        await log.close()
        broker.stop()


async def _poison(log: EventLog, prefix: str) -> dict[str, Any]:
    worst_s = await moves_on(log, _POISON_ROUNDS)
    return {f"{prefix}poison_{kind}_s": round(took_s, 3) for kind, took_s in worst_s.items()}


async def _both(log: EventLog, folder: Path, events: int) -> dict[str, Any]:
    traffic = Traffic()
    await traffic.fill(log, events)
    done: Carried = await carry(log, traffic, _made(folder), archive=True)
    return {
        "events_per_s": round(traffic.events / done.wall_s),
        "cpu_us_per_event": round(done.cpu_s * 1e6 / traffic.events, 3),
        "archive_bytes_per_event": round(done.archive_bytes / done.rows, 1),
        "compacted_bytes_per_event": round(done.compacted_bytes / done.rows, 1),
        "compact_cpu_us_per_event": round(done.compact_cpu_s * 1e6 / done.rows, 3),
        "lost": done.lost,
        "duplicated": done.duplicated,
    }


def _used(engine: LogValkey) -> int:
    for line in engine.ask("INFO", "memory").decode(errors="replace").splitlines():
        if line.startswith("used_memory:"):
            return int(line.partition(":")[2])
    raise click.ClickException("the log does not say how much memory it uses")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@click.command("pipeline")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
@click.option("--events", default=1_000_000, show_default=True, help="Events of each run.")
@click.option("--naive-frames", default=20, show_default=True, help="Frames inserted row by row.")
@click.option("--live-s", default=10.0, show_default=True, help="Seconds of live traffic.")
@click.option("--kafka/--no-kafka", default=True, help="With a real broker, where Maven has it.")
def command(as_json: bool, events: int, naive_frames: int, live_s: float, kafka: bool) -> None:
    """Measure the way from log entries to rows: time, processor time, freshness, size.

    The pipeline's readers run in this process; the log's server is another. Every hundredth frame
    stands in the log twice.
    """
    collector.settle()  # as every process does when it starts: see there
    with tempfile.TemporaryDirectory(prefix="siq-bench-") as name:
        folder = Path(name)
        result = asyncio.run(_valkey(folder / "valkey", events, naive_frames, live_s))
        if kafka:
            try:
                jars()
                result |= asyncio.run(_kafka(folder / "over-kafka", events))
            except NoBroker as error:
                click.echo(f"without Kafka: {error}", err=True)
    for key, value in result.items():
        click.echo(f"{key:36} {value:14,}", err=True)
    if as_json:
        click.echo(json.dumps(result))
