"""What processes hold over time: memory, open files, threads, tasks; and how fast it grows."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.acceptance.counters import look
from benchmarks.mesh.usage import rss_bytes

if TYPE_CHECKING:
    from cli.mesh import Mesh

KINDS: Final = ("memory", "files", "threads", "tasks")
_PER: Final = 600.0


@dataclass(slots=True)
class Growth:
    """Samples of some processes."""

    mesh: Mesh
    names: tuple[str, ...]
    at: list[float] = field(default_factory=list[float])
    held: dict[tuple[str, str], list[float]] = field(
        default_factory=dict[tuple[str, str], list[float]]
    )
    """By process and kind."""

    async def follow(self, start: float, until: float, every_s: float) -> None:
        """Sample from one time to another."""
        while (now := time.time()) < until:
            if now >= start:
                await self._sample()
            await asyncio.sleep(every_s)

    async def _sample(self) -> None:
        self.at.append(time.time())
        for name in self.names:
            pid = self.mesh.processes[name].pid
            values = {
                "memory": rss_bytes(pid),
                "files": _entries(pid, "fd"),
                "threads": _entries(pid, "task"),
                "tasks": (await look(self.mesh, name)).value("siq_process_tasks"),
            }
            for kind, value in values.items():
                self.held.setdefault((name, kind), []).append(value)

    def span(self, name: str, kind: str) -> tuple[float, float]:
        """The least and the most."""
        values = self.held[name, kind]
        return min(values), max(values)

    def percent_per_10_min(self, name: str, kind: str) -> float:
        """The slope of the line that fits best, as a share of the mean."""
        values = np.array(self.held[name, kind])
        slope, _ = np.polyfit(np.array(self.at) - self.at[0], values, 1)
        return float(slope * _PER / values.mean() * 100)


def _entries(pid: int, folder: str) -> int:
    return len(list(Path(f"/proc/{pid}/{folder}").iterdir()))
