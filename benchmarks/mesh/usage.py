"""What each process of the mesh takes: processor time and memory, second by second."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TICK: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    """Processor time so far, all threads and children; 0 if the process is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    own = (int(fields[11]) + int(fields[12])) / _TICK
    return own + sum(cpu_s(int(child)) for child in children)


def rss_bytes(pid: int) -> int:
    """Resident memory; 0 if the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def machine_busy_s() -> float:
    """Processor time that anything on this machine has taken."""
    with Path("/proc/stat").open() as file:
        fields = [int(word) for word in file.readline().split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / _TICK


@dataclass(slots=True)
class Usage:
    """Samples of some processes, by name."""

    pids: Mapping[str, int]
    at: list[float] = field(default_factory=list[float])
    cpu: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    busy: list[float] = field(default_factory=list[float])

    def sample(self) -> None:
        """Take one."""
        self.at.append(time.time())
        self.busy.append(machine_busy_s())
        for name, pid in self.pids.items():
            self.cpu.setdefault(name, []).append(cpu_s(pid))

    async def follow(self, every_s: float = 1.0) -> None:
        """Sample until cancelled."""
        while True:
            self.sample()
            await asyncio.sleep(every_s)

    def cores(self, start: float, end: float) -> dict[str, float]:
        """Cores that each process took between two times, and `foreign`: everybody else."""
        inside = [index for index, at in enumerate(self.at) if start <= at <= end]
        if len(inside) < 2:
            return {}
        first, last = inside[0], inside[-1]
        took_s = self.at[last] - self.at[first]
        found = {
            name: round((values[last] - values[first]) / took_s, 3)
            for name, values in self.cpu.items()
        }
        all_of_it = (self.busy[last] - self.busy[first]) / took_s
        found["foreign"] = round(max(0.0, all_of_it - sum(found.values())), 3)
        return found
