"""AT-24: one tenant sends a hundred times what it may. Do the others feel it?

Each key may send `QUOTA` frames a second. The hot tenant's pages would send a hundred times that
together; whatever is over the quota is closed (4429) and comes back as the SDK does, with a back-
off. The crowd and the witnesses are two other tenants.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.acceptance.check import Result, at_least, at_most, none, told
from benchmarks.acceptance.counters import look
from benchmarks.acceptance.given import describe
from benchmarks.acceptance.meshes import mesh_up
from benchmarks.acceptance.sides import Side, compared, lost
from benchmarks.mesh import logged
from benchmarks.mesh.generators import Generators
from benchmarks.mesh.run import plan_of

if TYPE_CHECKING:
    from benchmarks.acceptance.given import Given
    from benchmarks.acceptance.meshes import Running
    from benchmarks.mesh.plan import Told
    from benchmarks.mesh.run import Load

QUOTA: Final = 1_000
TIMES: Final = 100
FRAMES_PER_S_OF_A_PAGE: Final = 50
"""Under what one connection may send: it is the tenant that is over, not its pages."""


async def run(given: Given) -> Result:
    """Run it."""
    load = given.load(rate=QUOTA / 2, sessions=5_000)
    quota = given.count(QUOTA)
    calm, troubled = Side(), Side()
    hot: list[_Hot] = []
    async with mesh_up(given.say, env={"SIQ_FRAMES_PER_S_PER_KEY": str(quota)}) as running:
        for _ in range(1 if given.short else 2):
            calm.rounds.append(await running.run(load))
            hot.append(_Hot(running, load, quota))
            troubled.rounds.append(await running.run(load, during=hot[-1].blast))
    sent_per_s = sum(each.told.frames for each in hot) / load.seconds / len(hot)
    checks = [
        *compared(calm, troubled),
        none("others closed", calm.closed() + troubled.closed()),
        none("others' acknowledged and lost", lost(calm, troubled)),
        told("hot tenant: would send", TIMES * quota, "frames/s"),
        told("hot tenant: got out before it was closed", sent_per_s, "frames/s"),
        at_least("hot tenant: refused and counted", sum(each.refused for each in hot), 1, ""),
        at_most("hot tenant: taken", sum(each.taken for each in hot) / load.seconds / len(hot),
                quota * (1 + 3 / load.seconds), "frames/s"),
        none("hot tenant: acknowledged and lost", sum(each.lost for each in hot)),
    ]  # fmt: skip
    text = f"{describe(load)}; quota {quota:,} frames/s a key"
    doubts = [why for ran in calm.rounds + troubled.rounds for why in ran.figures.doubts()]
    return Result(text, checks, doubts)


class _Hot:
    """The hot tenant's pages, for one round."""

    def __init__(self, running: Running, load: Load, quota: int) -> None:
        self.told: Told
        self.refused = 0
        """By the limit of a key."""
        self.taken = 0
        """Frames that are in the log."""
        self.lost = 0
        self._running = running
        self._load = load
        self._quota = quota

    async def blast(self, measured: float, until: float) -> None:
        """Send for as long as the others are measured."""
        rate = TIMES * self._quota
        url = self._running.mesh.env["SIQ_LOG_URL"]
        ends = await logged.ends(url)
        before = await self._refused()
        target = await self._running.target()
        plan = replace(
            plan_of(target, self._load), rate=float(rate), warm_s=0.0, seconds=until - measured,
            sessions=rate // FRAMES_PER_S_OF_A_PAGE, returns=True,
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="siq-hot-") as folder:
            generators = Generators.of(plan, 1, Path(folder))
            try:
                await generators.connect()
                (self.told,) = await generators.run(measured)
            finally:
                await generators.stop()
        self.refused = await self._refused() - before
        acked = [(str(a), str(b), int(c)) for a, b, c in self.told.acked]
        self.lost, _, self.taken = await logged.check(url, target.tenant, ends, acked)

    async def _refused(self) -> int:
        found = await look(self._running.mesh, "edge")
        return round(found.value("siq_edge_refused_total", reason="frames_per_key"))
