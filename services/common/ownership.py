"""Who owns which partition: leases in the state store, fair shares by rendezvous hashing.

A lease is `siq:part:{n}` = "endpoint epoch" with a TTL of 2 s, renewed four times a second. The
epoch grows when the holder changes, and when a store that lost everything can no longer tell
whether it did. It never falls and never repeats: each new one is at least the store's clock in
microseconds, and no store grants a partition twice in one of them.

Detection takes, renews and releases; the edge reads `owners`, and ends early what a holder that it
finds silent has not renewed in time: two must miss it, the edge and the store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import redis.asyncio as redis

from services.common.partition import PARTITIONS

TTL_MS = 2_000
MISSED_MS = 750
"""So long after its last renewal a holder has missed two: they come four times a second."""

_NOW = """
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)
"""

# KEYS: members. ARGV: endpoint, ttl. Returns who is there.
_ANNOUNCE = (
    _NOW
    + """
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""
)

# KEYS: history, then one lease each. ARGV: endpoint, ttl, then per lease: partition, and the epoch
# the caller holds it at (0: it does not). Returns per lease the caller's epoch, or 0.
# Without history somebody else may have held it since, so the caller's own epoch proves nothing.
_ACQUIRE = (
    _NOW
    + """
local granted = {}
for i = 2, #KEYS do
  local partition, held = ARGV[2 * i - 1], tonumber(ARGV[2 * i])
  local current = redis.call('GET', KEYS[i])
  local holder = current and string.match(current, '^(%S+) ')
  if holder and holder ~= ARGV[1] then
    granted[i - 1] = 0
  else
    local last = redis.call('HGET', KEYS[1], partition)
    local epoch = math.max(held + 1, now_us)
    if last then
      local last_holder, last_epoch = string.match(last, '^(%S+) (%d+)$')
      if last_holder ~= ARGV[1] then
        epoch = math.max(tonumber(last_epoch) + 1, epoch)
      else
        epoch = math.max(tonumber(last_epoch), held)
      end
    end
    local lease = ARGV[1] .. ' ' .. string.format('%.0f', epoch)
    redis.call('SET', KEYS[i], lease, 'PX', ARGV[2])
    redis.call('HSET', KEYS[1], partition, lease)
    granted[i - 1] = epoch
  end
end
return granted
"""
)

# KEYS: leases. ARGV: endpoint. Deletes those that are the caller's.
_RELEASE = """
local released = 0
for _, key in ipairs(KEYS) do
  local current = redis.call('GET', key)
  if current and string.match(current, '^(%S+) ') == ARGV[1] then
    released = released + redis.call('DEL', key)
  end
end
return released
"""

# KEYS: members, then leases. ARGV: endpoint, and the most ms that its lease may have left. Ends
# what the endpoint has not renewed in time, and its membership; tells how many that was.
_END = (
    _NOW
    + """
local ended = 0
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if score and tonumber(score) - now < tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
for i = 2, #KEYS do
  local current = redis.call('GET', KEYS[i])
  if current and string.match(current, '^(%S+) ') == ARGV[1]
      and redis.call('PTTL', KEYS[i]) < tonumber(ARGV[2]) then
    ended = ended + redis.call('DEL', KEYS[i])
  end
end
return ended
"""
)

_MEMBERS = "siq:members"
_HISTORY = "siq:part:history"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a partition, and since which change of hands."""

    endpoint: str
    epoch: int


def _lease_key(partition: int) -> str:
    return f"siq:part:{partition}"


def fair_share(endpoint: str, members: Collection[str]) -> set[int]:
    """The partitions that fall to `endpoint` among `members` (highest random weight).

    Every member computes the same shares; one that joins or leaves moves only its own.
    """
    mine: set[int] = set()
    for partition in range(PARTITIONS):
        winner = max(members, key=lambda member: (_weight(member, partition), member))
        if winner == endpoint:
            mine.add(partition)
    return mine


def _weight(member: str, partition: int) -> bytes:
    return blake2b(f"{member}\x00{partition}".encode(), digest_size=8).digest()


class LeaseStore:
    """The leases as they stand in the state store. Raises redis errors when it is away."""

    def __init__(self, client: redis.Redis, ttl_ms: int = TTL_MS) -> None:
        self._client = client
        self._ttl_ms = ttl_ms
        self._announce: Any = client.register_script(_ANNOUNCE)
        self._acquire: Any = client.register_script(_ACQUIRE)
        self._release: Any = client.register_script(_RELEASE)
        self._end: Any = client.register_script(_END)

    async def announce(self, endpoint: str) -> list[str]:
        """Say that `endpoint` is there; returns everybody who is, itself included."""
        members = await self._announce(keys=[_MEMBERS], args=[endpoint, self._ttl_ms])
        return [member.decode() for member in members]

    async def leave(self, endpoint: str) -> None:
        """Stop being a member at once."""
        await self._client.zrem(_MEMBERS, endpoint)

    async def acquire(self, endpoint: str, wanted: Mapping[int, int]) -> dict[int, int]:
        """Take or renew partitions. `wanted` maps each to the epoch it is held at, 0 if it is not.

        Returns the granted ones with their epochs, never lower than they were held at.
        """
        if not wanted:
            return {}
        keys = [_HISTORY, *(_lease_key(partition) for partition in wanted)]
        args: list[str | int] = [endpoint, self._ttl_ms]
        for partition, epoch in wanted.items():
            args += [partition, epoch]
        granted = await self._acquire(keys=keys, args=args)
        return {
            partition: int(epoch)
            for partition, epoch in zip(wanted, granted, strict=True)
            if int(epoch) > 0
        }

    async def release(self, endpoint: str, partitions: Iterable[int]) -> None:
        """Give partitions back at once."""
        keys = [_lease_key(partition) for partition in partitions]
        if keys:
            await self._release(keys=keys, args=[endpoint])

    async def end_silent(self, endpoint: str, partitions: Iterable[int]) -> int:
        """End the leases that a holder does not answer for, if it has not renewed them either.

        For whoever finds it silent. One that is only busy still renews, and keeps them. Returns how
        many ended.
        """
        keys = [_MEMBERS, *(_lease_key(partition) for partition in partitions)]
        return int(await self._end(keys=keys, args=[endpoint, self._ttl_ms - MISSED_MS]))

    async def members(self) -> int:
        """How many there are: a holder that sees another number makes its round at once."""
        return int(await self._client.zcard(_MEMBERS))

    async def owners(self) -> dict[int, Lease]:
        """Who holds what; partitions that nobody holds are left out."""
        keys = [_lease_key(partition) for partition in range(PARTITIONS)]
        owners: dict[int, Lease] = {}
        values: Any = await self._client.mget(keys)
        for partition, value in enumerate(values):
            if value is not None:
                endpoint, _, epoch = value.decode().partition(" ")
                owners[partition] = Lease(endpoint, int(epoch))
        return owners
