"""AT-01: processes die and stand still at random, and what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.client import Page
from services.common.log import DECISION, EMOTION
from tests.acceptance.faults import Faults
from tests.acceptance.judging import Archived, Journal, logged, order_of
from tests.engines.kafka.broker import Broker
from tests.engines.kafka.jars import NoBroker, jars
from tests.engines.kept import kept
from tests.engines.logs import make_topics
from tests.integration.bad_input.world import World, open_world
from tests.integration.pipeline_line import query_stub, report, until_stored

TENANT = "mine"
VICTIMS = ("edge", "log", "pipeline", "detection", "intervention")
RAW_REPEATS = 0.01
_BUTTON = (1, "button#pay", (1 << 1) | (1 << 13) | (1 << 16))
_MOVE_MS = 16
_MOST_UNACKED = 100
_RAGE_EACH = 10


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and what happens meanwhile."""

    streams: int
    frames: int
    """A stream."""
    events: int
    """A frame."""
    every_s: float
    faults: int

    @property
    def total(self) -> int:
        """All events."""
        return self.streams * self.frames * self.events

    @property
    def seconds(self) -> float:
        """How long it takes at least."""
        return self.frames * self.every_s


SHORT = Load(streams=20, frames=200, events=5, every_s=0.06, faults=6)
LONG = Load(streams=100, frames=200, events=50, every_s=1.2, faults=60)


def frame_of(number: int, count: int) -> list[list[Any]]:
    """So many events, each another; now and then five presses of a dead button among them."""
    moves: list[list[Any]] = [[2, _MOVE_MS, number, place] for place in range(count)]
    if number % _RAGE_EACH == 0:
        moves[:5] = [[3, 150, 640, 460, 1, 0, 1] for _ in range(5)]
    return moves


async def visit(page: Page, load: Load, journal: Journal) -> None:
    """Send all frames of a stream, each when it is due, whatever becomes of the mesh."""
    for number in range(load.frames):
        events = frame_of(number, load.events)
        lasted_ms = sum(event[1] for event in events)
        await page.send_events(time.time() * 1000 - lasted_ms, events, [_BUTTON])
        await asyncio.sleep(load.every_s)
        while page.unacked > _MOST_UNACKED:
            await asyncio.sleep(0.05)
    await page.drained(120)
    journal.note(page)


async def play(world: World, load: Load, journal: Journal, faults: Faults) -> int:
    """Send everything while faults happen. Returns how often a page had to connect."""
    pages = [journal.page(world.mesh.urls["ws"], world.key) for _ in range(load.streams)]
    await asyncio.gather(*[page.open() for page in pages])
    async with asyncio.TaskGroup() as group:
        for page in pages:
            group.create_task(visit(page, load, journal))
        group.create_task(faults.play(load.faults, load.seconds / load.faults))
    assert sum(page.counters["session_lost"] for page in pages) == 0
    await asyncio.gather(*[page.close() for page in pages])
    return sum(page.connections for page in pages)


@asynccontextmanager
async def mesh_of(kind: str, folder: Path, seed: int) -> AsyncGenerator[tuple[World, Faults]]:
    """A mesh on either log, and what will happen to it. A broker is no process of the mesh."""
    settings = {"SIQ_ROLL_INTERVAL_S": "1"}
    if kind == "valkey":
        names = [name.replace("log", "valkey-log") for name in VICTIMS]
        async with open_world(env=settings) as world:
            yield world, Faults(world.data, names, seed, store="valkey-log", writer="edge")
        return
    try:
        jars()
    except NoBroker as error:
        pytest.skip(str(error))
    async with kept(Broker(folder / "kafka")) as broker:
        url = f"{broker.engine.url}/mesh"
        await make_topics(url)
        async with open_world(env={**settings, "SIQ_LOG_URL": url}) as world:
            yield (
                world,
                Faults(
                    world.data, VICTIMS, seed, store="log", writer="edge", outside={"log": broker}
                ),
            )


@pytest.mark.parametrize("kind", ["valkey", "kafka"])
@pytest.mark.parametrize(
    "load",
    [
        pytest.param(SHORT, id="short", marks=pytest.mark.timeout(300)),
        pytest.param(LONG, id="long", marks=[pytest.mark.long, pytest.mark.timeout(1_500)]),
    ],
)
async def test_at_01_kills_and_stops_lose_nothing_acknowledged(
    load: Load, kind: str, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "acks")
    async with mesh_of(kind, tmp_path, load.total) as (world, faults):
        connections = await play(world, load, journal, faults)
        acked = journal.acked()
        journal.close()
        assert len(acked) == load.streams
        assert sum(acked.values()) * load.events == load.total
        assert sum(faults.done.values()) >= load.faults

        orders = {stream: order_of(seqs) for stream, seqs in (await logged(world.log)).items()}
        lost = {stream: seq - orders[stream].frames for stream, seq in acked.items()}
        assert not any(lost.values()), f"acknowledged, and not in the log: {lost}"
        assert not any(order.gaps or order.inversions for order in orders.values())
        repeats = sum(order.repeats for order in orders.values())
        print(
            f"{load.total} events acknowledged over {connections} connections, "
            f"{repeats} frames of {load.streams * load.frames} repeated, {dict(faults.done)}"
        )
        assert repeats <= RAW_REPEATS * load.streams * load.frames

        for topic in (EMOTION, DECISION):
            await until_stored(world.log, topic, 60)
        await until_stored(world.log, within_s=120)
        async with query_stub(world.mesh.env["SIQ_PIPELINE_ADDR"], world.secret) as stub:
            rows = await report(stub, TENANT, "events_by_type")
        assert sum(row["events"] for row in rows) == load.total
        archive = world.data / "archive"
        names = ("session_id", "stream_id", "seq", "idx")
        events = Archived(archive, TENANT, "behavior.v1", names)
        assert events.doubled == 0
        assert events.rows_by(3) == {
            (*stream, seq): load.events for stream in acked for seq in range(1, load.frames + 1)
        }
        assert Archived(archive, TENANT, EMOTION, ("id", "rev")).doubled == 0
        decisions = Archived(archive, TENANT, DECISION, ("id",))
        assert decisions.doubled == 0
        assert decisions.rows_by(1), "nobody raged: intervention had nothing to lose"
