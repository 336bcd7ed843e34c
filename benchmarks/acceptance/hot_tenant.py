"""AT-24: one tenant sends a hundred times what it may. Do the others feel it?

Each key may send `QUOTA` frames a second. The hot tenant's pages would send a hundred times that
together; what is over the quota waits for its turn, and its page is asked (`slow`) to send nothing
before that; where turns are too far away it is closed (4429) and comes back as the SDK does, with a
back-off. The crowd and the witnesses are two other tenants. What they feel is compared with rounds
in which the same pages send its quota, which they may.
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
AFTER_S: Final = 10.0
"""Of what it may send: 3 s come at once, 5 s wait for their turn, and its pages take 2 s to end."""
FRAMES_PER_S_OF_A_PAGE: Final = 50
"""Under what one connection may send: it is the tenant that is over, not its pages."""


async def run(given: Given) -> Result:
    """Run it."""
    load = given.load(rate=QUOTA / 2, sessions=5_000)
    quota = given.count(QUOTA)
    calm, troubled = Side(), Side()
    hot: list[_Hot] = []
    env = {"SIQ_FRAMES_PER_S_PER_KEY": str(quota)}
    async with mesh_up(given.say, env, apart=True) as running:
        for _ in range(1 if given.short else 2):
            fair = _Hot(running, load, quota)
            calm.rounds.append(await running.run(load, during=fair.blast))
            hot.append(_Hot(running, load, quota, TIMES))
            troubled.rounds.append(await running.run(load, during=hot[-1].blast))
    sent_per_s = sum(each.told.frames for each in hot) / load.seconds / len(hot)
    checks = [
        *compared(calm, troubled),
        none("others closed", calm.closed() + troubled.closed()),
        none("others' acknowledged and lost", lost(calm, troubled)),
        told("hot tenant: would send", TIMES * quota, "frames/s"),
        told("hot tenant: got out", sent_per_s, "frames/s"),
        at_least("hot tenant: asked to wait", sum(each.asked for each in hot), 1, ""),
        told("hot tenant: closed", sum(each.refused for each in hot), ""),
        at_most("hot tenant: taken", sum(each.taken for each in hot) / load.seconds / len(hot),
                quota * (1 + AFTER_S / load.seconds), "frames/s"),
        none("hot tenant: acknowledged and lost", sum(each.lost for each in hot)),
    ]  # fmt: skip
    text = f"{describe(load)}; quota {quota:,} frames/s a key"
    doubts = [why for ran in calm.rounds + troubled.rounds for why in ran.figures.doubts()]
    return Result(text, checks, doubts)


class _Hot:
    """The hot tenant's pages, for one round."""

    def __init__(self, running: Running, load: Load, quota: int, times: int = 1) -> None:
        self.told: Told
        self.refused = 0
        """By the limit of a key."""
        self.asked = 0
        self.taken = 0
        """Frames that are in the log."""
        self.lost = 0
        self._running = running
        self._load = load
        self._rate = times * quota
        # As many in either round: what is compared is how much they send.
        self._pages = TIMES * quota // FRAMES_PER_S_OF_A_PAGE

    async def blast(self, measured: float, until: float) -> None:
        """Send for as long as the others are measured."""
        rate = self._rate
        url = self._running.mesh.env["SIQ_LOG_URL"]
        ends = await logged.ends(url)
        refused, asked = await self._counted()
        target = await self._running.target()
        plan = replace(
            plan_of(target, self._load), rate=float(rate), warm_s=0.0, seconds=until - measured,
            sessions=self._pages, returns=True,
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="siq-hot-") as folder:
            generators = Generators.of(plan, 1, Path(folder))
            try:
                await generators.connect()
                (self.told,) = await generators.run(measured)
            finally:
                await generators.stop()
        self.refused, self.asked = (
            after - before
            for before, after in zip((refused, asked), await self._counted(), strict=True)
        )
        acked = [(str(a), str(b), int(c)) for a, b, c in self.told.acked]
        self.lost, _, self.taken = await logged.check(url, target.tenant, ends, acked)

    async def _counted(self) -> tuple[int, int]:
        found = await look(self._running.mesh, "edge")
        return (
            round(found.value("siq_edge_refused_total", reason="frames_per_key")),
            round(found.value("siq_edge_asked_to_wait_total")),
        )
