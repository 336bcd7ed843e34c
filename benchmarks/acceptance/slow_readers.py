"""AT-22: one client in a hundred reads nothing any more. Are they cut, and do the others feel it?

Half of them go on sending, half only stay. An edge sends a page a few dozen bytes a frame, and the
kernel takes megabytes for a client that does not read: in ordinary use the end comes by the ping
that is not answered, after 20 + 20 s. (What fills 256 KiB is a client that makes the edge answer: a
flood of pings; tests/acceptance/test_capacity.py does that.)
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from benchmarks.acceptance.check import Result, all_of, at_most, none
from benchmarks.acceptance.counters import look
from benchmarks.acceptance.given import describe
from benchmarks.acceptance.meshes import mesh_up
from benchmarks.acceptance.sides import Side, compared, lost

if TYPE_CHECKING:
    from benchmarks.acceptance.given import Given
    from benchmarks.acceptance.meshes import Ran, Running

ONE_IN: Final = 100
CUT_WITHIN_S: Final = 40.0
LOOK_S: Final = 1.0
"""The edge looks after each socket once a second, and so do we."""
LEAST_S: Final = 50.0
RSS_MB: Final = 10.0
_CUT: Final = "siq_edge_connections_cut_total"


async def run(given: Given) -> Result:
    """Run it."""
    load = given.load(rate=1_000, active=0.5)
    load = replace(load, seconds=max(load.seconds, LEAST_S))
    deaf = round(load.sessions / ONE_IN)
    calm, troubled = Side(), Side()
    cuts: list[_Cuts] = []
    async with mesh_up(given.say, apart=True) as running:
        for _ in range(1 if given.short else 2):
            calm.rounds.append(await running.run(load))
            watch = _Cuts(running, deaf)
            troubled.rounds.append(
                await running.run(replace(load, deaf_every=ONE_IN), during=watch.follow)
            )
            cuts.append(watch)
    asked = deaf * len(cuts)
    checks = [
        *compared(calm, troubled),
        all_of("cut and counted", sum(watch.cut for watch in cuts), asked),
        at_most("the last one cut after", max(watch.after_s for watch in cuts),
                CUT_WITHIN_S + 2 * LOOK_S, "s"),
        at_most("edge memory, growth in the run",
                max(_grown_mb(ran) for ran in troubled.rounds), RSS_MB, "MB"),
        none("others closed", calm.closed() + troubled.closed()),
        none("acknowledged and lost", lost(calm, troubled)),
    ]  # fmt: skip
    text = f"{describe(load)}; {deaf} of them deaf in every other round"
    doubts = [why for ran in calm.rounds + troubled.rounds for why in ran.figures.doubts()]
    return Result(text, checks, doubts)


def _grown_mb(ran: Ran) -> float:
    return (ran.found.rss_after - ran.found.rss_connected) / 1e6


class _Cuts:
    """How many connections the edge cut off, and when it was the last of those expected."""

    def __init__(self, running: Running, expected: int) -> None:
        self.cut = 0
        self.after_s = 0.0
        self._mesh = running.mesh
        self._expected = expected

    async def follow(self, measured: float, until: float) -> None:
        """Look each second, from the moment when they stop reading."""
        before = await self._count()
        await asyncio.sleep(measured - time.time())
        while time.time() < until and self.cut < self._expected:
            await asyncio.sleep(LOOK_S)
            cut = await self._count() - before
            if cut > self.cut:
                self.cut, self.after_s = cut, time.time() - measured

    async def _count(self) -> int:
        return round((await look(self._mesh, "edge")).value(_CUT))
