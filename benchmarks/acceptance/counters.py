"""What a process of the mesh counts, read from its metrics endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engines.scrape import scrape

if TYPE_CHECKING:
    from cli.mesh import Mesh
    from tests.engines.scrape import Scrape


async def look(mesh: Mesh, process: str) -> Scrape:
    """Look at a process now."""
    return await scrape(mesh.processes[process].metrics)
