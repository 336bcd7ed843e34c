"""The event log on Valkey Streams: one stream a partition, one stream entry an append.

Offsets are dense: a script numbers each entry with its stream's own counter, in the same step
that writes it. The server must run with `appendfsync always` and `noeviction`, so that an answered
append is on disk and a full log refuses rather than forgets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError

from services.common import valkey
from services.common.log.port import (
    Append,
    Entry,
    LogFull,
    LogUnavailable,
    encode_entry,
)
from services.common.log.reading import EntryReader
from services.common.partition import PARTITIONS

# Entries freed at once.
_TRIM_LIMIT = 1_000
# What stands for an entry that has not our field: bytes that are none of ours.
_NO_ENTRY = b"\xff"
# KEYS: one stream each; ARGV: its entry. Numbering and writing are one step, so offsets have no
# gaps and never repeat, whatever is trimmed.
_APPEND = """
local offsets = {}
for i, key in ipairs(KEYS) do
  local last = redis.call('HINCRBY', 'siq:log:next', key, 1)
  redis.call('XADD', key, last .. '-0', 'e', ARGV[i])
  offsets[i] = last
end
return offsets
"""


def _stream(topic: str, partition: int) -> str:
    return f"siq:log:{topic}:{partition}"


def _offset(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])


class ValkeyLog:
    """EventLog over one Valkey or Redis server."""

    def __init__(self, url: str) -> None:
        self._client = valkey.connect(url)
        self._append_script = self._client.register_script(_APPEND)
        self._reader = EntryReader()

    async def append(self, appends: Sequence[Append]) -> list[int]:
        if not appends:
            return []
        keys = [_stream(item.topic, item.partition) for item in appends]
        blobs = [encode_entry(item.records) for item in appends]
        try:
            return [int(offset) for offset in await self._append_script(keys=keys, args=blobs)]
        except NoScriptError as error:  # the server restarted between load and call
            raise LogUnavailable("the log restarted, try again") from error
        except OutOfMemoryError as error:
            raise LogFull("the log is full until its readers catch up") from error
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"the log did not accept: {error}") from error

    async def read(
        self, topic: str, after: Mapping[int, int], *, limit: int = 500, block_ms: int | None = None
    ) -> list[Entry]:
        streams: dict[Any, Any] = {
            _stream(topic, partition): f"{offset}-0" for partition, offset in after.items()
        }
        if not streams:
            return []
        try:
            answer: Any = await self._client.xread(streams, count=limit, block=block_ms)
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"the log did not answer: {error}") from error
        entries: list[Entry] = []
        for name, items in answer or ():
            partition = int(name.rpartition(b":")[2])
            for entry_id, fields in items:
                # Whoever else writes into our streams writes poison, which must end no reader.
                blob = fields.get(b"e", _NO_ENTRY)
                entries.append(self._reader.entry(topic, partition, _offset(entry_id), blob))
        return entries

    async def ends(self, topic: str) -> dict[int, int]:
        names = [_stream(topic, partition) for partition in range(PARTITIONS)]
        return await self._numbers("siq:log:next", names)

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        if not offsets:
            return
        mapping: dict[Any, Any] = {str(key): value for key, value in offsets.items()}
        try:
            await self._client.hset(f"siq:log:committed:{topic}:{group}", mapping=mapping)
            await self._client.sadd(f"siq:log:groups:{topic}", group)
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"the log did not take the commit: {error}") from error

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        names = [str(partition) for partition in range(PARTITIONS)]
        return await self._numbers(f"siq:log:committed:{topic}:{group}", names)

    async def groups(self, topic: str) -> list[str]:
        """Every group that ever committed on the topic; trimming stays behind the slowest."""
        try:
            members: Any = await self._client.smembers(f"siq:log:groups:{topic}")
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"the log did not answer: {error}") from error
        return sorted(member.decode() for member in members)

    async def _numbers(self, key: str, names: list[str]) -> dict[int, int]:
        try:
            values = await self._client.hmget(key, names)
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"the log did not answer: {error}") from error
        return {index: int(value or 0) for index, value in enumerate(values)}

    async def trim(self, topic: str, through: Mapping[int, int]) -> int:
        trimmed = 0
        try:
            for partition, offset in through.items():
                name, first = _stream(topic, partition), f"{offset + 1}-0"
                # A server frees what it trims before it answers anybody else: a little at a time.
                while some := int(
                    await self._client.xtrim(name, minid=first, approximate=True, limit=_TRIM_LIMIT)
                ):
                    trimmed += some
                trimmed += int(await self._client.xtrim(name, minid=first, approximate=False))
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"the log did not trim: {error}") from error
        return trimmed

    async def fullness(self) -> float:
        try:
            memory = await self._client.info("memory")
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"the log did not answer: {error}") from error
        limit = int(memory.get("maxmemory", 0))
        return int(memory["used_memory"]) / limit if limit else 0.0

    async def close(self) -> None:
        await self._client.aclose()
