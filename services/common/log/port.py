"""The port: what every adapter of the event log does.

A topic has 64 partitions. An entry is what one append wrote to one partition; its offset is dense
from 1. Readers name the last offset they have and get what comes after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from hotpath.entry import decode_entry as _decode
from hotpath.entry import encode_entry as _encode
from services.common.partition import partition_of, record_key

BEHAVIOR = "behavior.v1"
IDENTITY = "identity.v1"
EMOTION = "emotion.v1"
DECISION = "decision.v1"
OUTCOME = "outcome.v1"
TOPICS = (BEHAVIOR, IDENTITY, EMOTION, DECISION, OUTCOME)


class LogUnavailable(Exception):
    """The log did not accept or answer; nothing may be acknowledged."""


class LogFull(LogUnavailable):
    """The log refuses writes until readers catch up and it is trimmed."""


class EntryTooLarge(ValueError):
    """The log can never take an entry of this size; trying again does not help."""


_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Record(NamedTuple):
    """One fact: `value` is the serialized message of the topic."""

    key: bytes
    value: bytes
    headers: Mapping[str, str] = _NO_HEADERS


class Append(NamedTuple):
    """Records for one partition of one topic: they become one entry."""

    topic: str
    partition: int
    records: Sequence[Record]


class Entry(NamedTuple):
    """An entry as read."""

    partition: int
    offset: int
    records: Sequence[Record]


class EventLog(Protocol):
    """What an adapter does. Every method raises LogUnavailable when the engine is away."""

    async def append(self, appends: Sequence[Append]) -> list[int]:
        """Write all, durably, in one round trip. Returns the offsets, in order.

        Raises:
            LogFull: the log refuses writes until it is trimmed.
            EntryTooLarge: the records of one append are more than the engine ever takes.
        """
        ...

    async def read(
        self, topic: str, after: Mapping[int, int], *, limit: int = 500, block_ms: int | None = None
    ) -> list[Entry]:
        """Read entries after the given offsets, at most `limit` a partition.

        Waits up to `block_ms` for the first one; None does not wait.
        """
        ...

    async def ends(self, topic: str) -> dict[int, int]:
        """The last offset of every partition, 0 for an empty one."""
        ...

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Remember that `group` is done with everything up to the offsets."""
        ...

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """The committed offset of every partition, 0 for none."""
        ...

    async def groups(self, topic: str) -> list[str]:
        """Every group that ever committed on the topic; trimming stays behind the slowest."""
        ...

    async def trim(self, topic: str, through: Mapping[int, int]) -> int:
        """Forget entries up to and including the offsets. Returns how many went."""
        ...

    async def fullness(self) -> float:
        """Share of the log's room in use, 0 to 1."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


def encode_entry(records: Iterable[Record]) -> bytes:
    """Serialize records as one LogEntry."""
    return _encode((record.key, record.headers, record.value) for record in records)


def decode_entry(partition: int, offset: int, blob: bytes) -> Entry:
    """Parse a LogEntry.

    Raises:
        ValueError: the blob is none.
    """
    return Entry(partition, offset, list(map(Record._make, _decode(blob))))


def session_append(
    topic: str, tenant_id: str, session_id: str, value: bytes, headers: Mapping[str, str]
) -> Append:
    """An append of one record under its session's key and partition."""
    record = Record(record_key(tenant_id, session_id), value, headers)
    return Append(topic, partition_of(tenant_id, session_id), [record])
