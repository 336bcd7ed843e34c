"""The event log: the real port, in memory, with the faults that a log has.

It may be away, slow, or do the work and lose the answer; and an append whose sender has given it
up may still arrive, after the same was written again. The log keeps all it ever had: the checks
read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from services.common import partition as partitions
from services.common.log import Append, Entry, LogUnavailable
from tests.simulation.loop import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

OnEntry = Callable[[str, Entry], None]


class LogServer:
    """What the log has, and how it behaves at present."""

    def __init__(self, world: World, on_entry: OnEntry) -> None:
        self.away = False
        self.slow_s = 0.0
        self.loses_answers = 0.0
        """Share of appends that are written and not answered."""
        self.arrives_late = 0.0
        """Share of appends that are given up by their sender and written later all the same."""
        self.world = world
        self.entries: dict[tuple[str, int], list[Entry]] = {}
        self.committed: dict[tuple[str, str], dict[int, int]] = {}
        self._on_entry = on_entry

    def append(self, appends: Sequence[Append]) -> list[int]:
        """Write all at once."""
        offsets: list[int] = []
        for item in appends:
            entries = self.entries.setdefault((item.topic, item.partition), [])
            entry = Entry(item.partition, len(entries) + 1, list(item.records))
            entries.append(entry)
            offsets.append(entry.offset)
            self._on_entry(item.topic, entry)
        return offsets

    def read(self, topic: str, after: Mapping[int, int], limit: int) -> list[Entry]:
        """Entries after the offsets."""
        found: list[Entry] = []
        for partition, offset in after.items():
            found += self.entries.get((topic, partition), [])[offset : offset + limit]
        return found

    def ends(self, topic: str) -> dict[int, int]:
        """The last offsets."""
        return {
            partition: len(self.entries.get((topic, partition), ()))
            for partition in range(partitions.PARTITIONS)
        }


class LogClient:
    """One process's client: implements EventLog."""

    def __init__(self, server: LogServer, process: Process) -> None:
        self._server = server
        self._process = process

    async def append(self, appends: Sequence[Append]) -> list[int]:
        server, world = self._server, self._server.world
        chance = world.faults.random()
        if chance < server.arrives_late:
            delay_s = world.faults.uniform(0.0, 1.0)
            world.later(delay_s, lambda: server.away or server.append(appends))
            world.trace("append arrives late", self._process.name, len(appends))
            await self._ask(_give_up)
        if chance < server.arrives_late + server.loses_answers:
            await self._ask(lambda: server.append(appends))
            world.trace("append answer lost", self._process.name, len(appends))
            await self._ask(_give_up)
        return await self._ask(lambda: server.append(appends))

    async def read(
        self, topic: str, after: Mapping[int, int], *, limit: int = 500, block_ms: int | None = None
    ) -> list[Entry]:
        assert block_ms is None, "nobody in the simulation blocks"
        wanted = dict(after)
        return await self._ask(lambda: self._server.read(topic, wanted, limit))

    async def ends(self, topic: str) -> dict[int, int]:
        return await self._ask(lambda: self._server.ends(topic))

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        taken = dict(offsets)
        committed = self._server.committed.setdefault((group, topic), {})
        await self._ask(lambda: committed.update(taken))

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        return await self._ask(lambda: dict(self._server.committed.get((group, topic), {})))

    async def groups(self, topic: str) -> list[str]:
        return sorted(group for group, of in self._server.committed if of == topic)

    async def trim(self, topic: str, through: Mapping[int, int]) -> int:
        raise NotImplementedError("the simulation keeps its log")

    async def fullness(self) -> float:
        return 0.0

    async def close(self) -> None:
        return

    async def _ask(self, ask: Callable[[], Any]) -> Any:
        def arrive() -> Any:
            if self._server.away:
                raise LogUnavailable("the log is away")
            return ask()

        slow_s = self._server.slow_s
        extra_s = self._server.world.faults.uniform(0, slow_s) if slow_s else 0.0
        return await self._server.world.request(self._process, arrive, extra_s=extra_s)


def _give_up() -> None:
    raise LogUnavailable("no answer")
