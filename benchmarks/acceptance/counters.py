"""What a process of the mesh counts, read from its metrics endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from cli.mesh import Mesh


class Counters:
    """One look at one process."""

    def __init__(self, text: str) -> None:
        self._samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def value(self, name: str, **labels: str) -> float:
        """The sum over the samples with these labels."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == name and sample.labels.items() >= labels.items()
        )


async def look(mesh: Mesh, process: str) -> Counters:
    """Look at a process now."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://{mesh.processes[process].metrics}/metrics", timeout=10)
    return Counters(answer.raise_for_status().text)
