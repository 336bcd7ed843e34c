"""A private mesh, and runs on it, each with a tenant of its own."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.mesh.report import Figures, report
from benchmarks.mesh.run import Target, play, provisioned
from cli.smoke.private import private_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    from benchmarks.mesh.report import Found
    from benchmarks.mesh.run import During, Load, Timeline
    from cli.mesh import Mesh


@dataclass(frozen=True, slots=True)
class Ran:
    """One run."""

    found: Found
    timeline: Timeline

    @property
    def figures(self) -> Figures:
        """What it amounts to."""
        return report(self.found)

    @property
    def acks_ms(self) -> list[float]:
        """All of them."""
        values: list[float] = self.found.ack_ms.tolist()
        return values

    @property
    def detects_ms(self) -> list[float]:
        """From the press behind a witness's rage until its page hears of it."""
        return self.found.verdict.verdict_ms if self.found.verdict else []


@dataclass(frozen=True, slots=True)
class Running:
    """A mesh that is up."""

    data: Path
    mesh: Mesh
    say: Callable[[str], None]

    async def target(self) -> Target:
        """A new tenant."""
        return await provisioned(self.data)

    async def run(
        self, load: Load, *, target: Target | None = None, during: During | None = None
    ) -> Ran:
        """Run once, with a new tenant if none is given."""
        return Ran(*await play(target or await self.target(), load, self.say, during))


@asynccontextmanager
async def mesh_up(
    say: Callable[[str], None], env: Mapping[str, str] | None = None, *, apart: bool = False
) -> AsyncGenerator[Running]:
    """Start a mesh for as long as the block lasts.

    apart: on one core, and what sends on the others, as if it were elsewhere. Who sends a multiple
    of what a mesh takes would otherwise take the processor away that the mesh needs.
    """
    cores = os.sched_getaffinity(0)
    alone = {max(cores)} if apart and len(cores) > 1 else cores
    os.sched_setaffinity(0, alone)  # its processes begin with that
    try:
        async with private_mesh(env=env) as (data, running):
            os.sched_setaffinity(0, cores - alone or cores)
            say(f"private mesh up, {len(running.processes)} processes")
            yield Running(data, running, say)
    finally:
        os.sched_setaffinity(0, cores)


async def run_once(load: Load, say: Callable[[str], None]) -> Ran:
    """Run once, on a mesh of its own."""
    async with mesh_up(say) as running:
        return await running.run(load)
