"""Dead letters back into their topic, once each.

What made them dead may be mended: a reader that did not know a schema yet. Every reader drops what
it has applied before, so a letter that only one of them could not take does nothing to the others.
The place reached in `<topic>.dead` is committed like any reader's, and a letter that dies again
says that it was tried: neither is taken twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

from cli.log.reading import DEAD, entries
from services.common.log import Append, EventLog, Record

GROUP = "dead-letters-replay"
REPLAYED = "replayed"
_MOST = 64


@dataclass(slots=True)
class Replayed:
    """What became of the dead letters of a topic."""

    replayed: int = 0
    repeated: int = 0
    """The same letter of another reader: one is enough."""
    tried_before: int = 0
    unreadable: int = 0
    """No records of ours: there is nothing to give back."""
    _seen: set[tuple[int, bytes]] = field(default_factory=set[tuple[int, bytes]], repr=False)

    def take(self, partition: int, record: Record) -> Record | None:
        """The record as it goes back; None if it does not."""
        if "unreadable" in record.headers:
            self.unreadable += 1
            return None
        if REPLAYED in record.headers:
            self.tried_before += 1
            return None
        proof = blake2b(record.key + b"\x00" + record.value, digest_size=16).digest()
        if (partition, proof) in self._seen:
            self.repeated += 1
            return None
        self._seen.add((partition, proof))
        self.replayed += 1
        kept = {name: value for name, value in record.headers.items() if name != "reason"}
        return Record(record.key, record.value, {**kept, REPLAYED: "1"})


async def replay(log: EventLog, topic: str) -> Replayed:
    """Append a topic's dead letters to it again, and remember how far that went.

    Raises:
        LogUnavailable: the log is away; what was appended may be appended again.
    """
    dead = topic + DEAD
    result = Replayed()
    place: dict[int, int] = {}
    appends: list[Append] = []
    async for entry in entries(log, dead, await log.committed(GROUP, dead)):
        records = [
            back for record in entry.records if (back := result.take(entry.partition, record))
        ]
        if records:
            appends.append(Append(topic, entry.partition, records))
        place[entry.partition] = entry.offset
        if len(appends) >= _MOST:
            await _settle(log, dead, appends, place)
    await _settle(log, dead, appends, place)
    return result


async def _settle(log: EventLog, dead: str, appends: list[Append], place: dict[int, int]) -> None:
    await log.append(appends)
    appends.clear()
    await log.commit(GROUP, dead, place)
