"""SIGKILL and SIGSTOP at random moments, at the processes of a mesh that somebody restarts."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli import mesh, processes
from cli.mesh import RunningProcess
from tests.engines.kept import Kept

_LONGEST_STOP_S = 2.5
_BACK_WITHIN_S = 60.0


class Faults:
    """The faults of one run; `done` counts them by victim and signal.

    `store` and `writer`: whenever the first stands still, both are killed. What the writer said too
    early to be stored is then lost for sure: the store had it in a socket at most.

    `outside` are victims that no mesh restarts.
    """

    def __init__(
        self,
        data: Path,
        victims: Sequence[str],
        seed: int,
        *,
        store: str,
        writer: str,
        outside: Mapping[str, Kept] | None = None,
    ) -> None:
        self.done: Counter[tuple[str, str]] = Counter()
        self._outside = outside or {}
        self._data = data
        self._victims = victims
        self._store, self._writer = store, writer
        self._random = random.Random(seed)

    async def play(self, count: int, every_s: float) -> None:
        """Play so many, in about `count * every_s` seconds; stops and kills may overlap."""
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                await asyncio.sleep(self._random.uniform(0, 2 * every_s))
                # Each victim in turn, so that none is spared by chance.
                turn, place = divmod(number, len(self._victims))
                victim = self._victims[place]
                process = await self._running(victim)
                # One of each in its turn, and the other way round the next time.
                if (turn + place) % 2 == 0:
                    self._strike(victim, process, signal.SIGKILL)
                elif self._strike(victim, process, signal.SIGSTOP):
                    group.create_task(self._stand_still(victim, process))

    async def _running(self, victim: str) -> RunningProcess:
        async with asyncio.timeout(_BACK_WITHIN_S):
            while True:
                if victim in self._outside:
                    found = self._outside[victim].process
                else:
                    record = mesh.read(self._data)
                    found = record.processes.get(victim) if record else None
                if found is not None:
                    return found
                await asyncio.sleep(0.05)

    async def _stand_still(self, victim: str, process: RunningProcess) -> None:
        try:
            await asyncio.sleep(self._random.uniform(0.1, _LONGEST_STOP_S))
            if victim == self._store:
                writer = await self._running(self._writer)
                self._strike(self._writer, writer, signal.SIGKILL)
                self._strike(victim, process, signal.SIGKILL)
        finally:
            processes.signal_if_same(process.pid, process.started, signal.SIGCONT)

    def _strike(self, victim: str, process: RunningProcess, signum: signal.Signals) -> bool:
        struck = processes.signal_if_same(process.pid, process.started, signum)
        self.done[victim, signum.name] += struck
        return struck
