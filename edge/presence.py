"""Where sessions are: told to the state store, so that a push from anywhere finds its page."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple

import redis.asyncio as redis
from google.protobuf.message import DecodeError
from redis.exceptions import RedisError
from sentientiq.intervention.v1 import intervention_pb2 as pb

from edge.hub import Hub, Live
from services.common import logs
from services.common.state import edge_channel, left_key, where_key

_log = logs.get(__name__)
_TTL_S = 60
_LEFT_TTL_S = 3_600
_REFRESH_S = 20.0
_STEP_S = 0.1
_AWAY_S = 1.0
"""Between tries of a store that does not answer."""

_BETWEEN_S = 0.02
"""A change after a pause is written at once, those that follow together."""
_TOGETHER = 500
"""Sessions or streams written by one script: a store does nothing else meanwhile."""

# KEYS: sessions. ARGV: ttl in seconds, then of each session how many streams, and each with its
# place. As commands of their own they would take ten times as long to write.
_PUT = """
local at = 2
for _, key in ipairs(KEYS) do
  for _ = 1, ARGV[at] do
    redis.call('HSET', key, ARGV[at + 1], ARGV[at + 2])
    at = at + 2
  end
  redis.call('EXPIRE', key, ARGV[1])
  at = at + 1
end
"""

# KEYS: sessions. ARGV: ttl in seconds, then a stream of each. Returns the places, from 1, of those
# whose stream is not there: another worker may have written the session anew, without it.
_KEEP = """
local absent = {}
for place, key in ipairs(KEYS) do
  if redis.call('HEXISTS', key, ARGV[place + 1]) == 0 then
    absent[#absent + 1] = place
  else
    redis.call('EXPIRE', key, ARGV[1])
  end
end
return absent
"""

# KEYS: of each stream its session, and when that was left. ARGV: worker, ttl of the latter in
# seconds, then each stream and when it ended, ms. What names another worker stays: the page is
# there by now, and the connection that ended here was a dead one.
_REMOVE = """
local ours = ARGV[1] .. ' '
for i = 1, #KEYS, 2 do
  local place = redis.call('HGET', KEYS[i], ARGV[i + 2])
  if place and string.sub(place, 1, #ours) == ours then
    redis.call('HDEL', KEYS[i], ARGV[i + 2])
    redis.call('SET', KEYS[i + 1], ARGV[i + 3], 'EX', ARGV[2])
  end
end
"""


class Gone(NamedTuple):
    """A stream whose connection ended."""

    tenant: str
    session: str
    stream: str
    at_ms: int
    """Unix epoch."""


class Presence:
    """Registers live streams and listens for pushes to this worker."""

    def __init__(self, client: redis.Redis, worker: str, hub: Hub) -> None:
        self._client = client
        self._worker = worker
        self._hub = hub
        self._changed: dict[tuple[str, str], Live] = {}
        self._gone: list[Gone] = []
        self._wake = asyncio.Event()
        self._put_script: Any = client.register_script(_PUT)
        self._keep_script: Any = client.register_script(_KEEP)
        self._remove_script: Any = client.register_script(_REMOVE)
        self._round: list[Live] = []
        self._done = 0
        """How many of the round have been put down."""
        self._round_began_s = time.monotonic()

    def changed(self, live: Live) -> None:
        """A session came, or another of its pages is in front."""
        self._changed[(live.tenant, live.session)] = live
        self._wake.set()

    def gone(self, tenant: str, session: str, stream: str) -> None:
        """A stream's connection ended."""
        self._gone.append(Gone(tenant, session, stream, round(time.time() * 1000)))
        self._wake.set()

    def _due(self) -> list[Live]:
        """The sessions whose turn it is: each once in 20 s, a few at a time, for ten thousand at
        once would hold up the loop for the better part of a second.
        """
        elapsed_s = time.monotonic() - self._round_began_s
        if elapsed_s >= _REFRESH_S and self._done == len(self._round):
            self._round, self._done = self._hub.sessions(), 0
            self._round_began_s, elapsed_s = time.monotonic(), 0.0
        through = min(len(self._round), int(len(self._round) * elapsed_s / _REFRESH_S) + 1)
        due, self._done = self._round[self._done : through], through
        return due

    async def register(self) -> None:
        """Write changes as they come and everything every 20 s, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_STEP_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            due = self._due()
            changed, self._changed = list(self._changed.values()), {}
            gone, self._gone = self._gone, []
            try:
                await self._write(changed, gone)
                await self._keep(due)
            except (RedisError, OSError) as error:
                _log.warning("state store away, pages cannot be found", error=str(error))
                await asyncio.sleep(_AWAY_S)
                self._keep_for_later(changed, gone)
            await asyncio.sleep(_BETWEEN_S)

    def _keep_for_later(self, changed: list[Live], gone: list[Gone]) -> None:
        """Try again what was not written.

        But for what no longer matters: sessions that are not here any more, and ends of streams
        that the store has let lapse by now. Else a store that stays away would fill the memory.
        """
        for live in changed:
            if live.connections:
                self._changed.setdefault((live.tenant, live.session), live)
        oldest_ms = (time.time() - _TTL_S) * 1000
        self._gone = [ended for ended in (*gone, *self._gone) if ended.at_ms >= oldest_ms]
        self._wake.set()

    async def _write(self, changed: list[Live], gone: list[Gone]) -> None:
        for start in range(0, len(gone), _TOGETHER):
            await self._remove(gone[start : start + _TOGETHER])
        for start in range(0, len(changed), _TOGETHER):
            await self._put(changed[start : start + _TOGETHER])

    async def _remove(self, gone: list[Gone]) -> None:
        keys: list[str] = []
        ends: list[str | int] = [self._worker, _LEFT_TTL_S]
        for tenant, session, stream, at_ms in gone:
            keys += (where_key(tenant, session), left_key(tenant, session))
            ends += (stream, at_ms)
        await self._remove_script(keys=keys, args=ends)

    async def _put(self, changed: list[Live]) -> None:
        keys: list[str] = []
        places: list[str | int] = [_TTL_S]
        for live in changed:
            if live.connections:
                keys.append(where_key(live.tenant, live.session))
                places.append(len(live.connections))
                for stream in live.connections:
                    visible_ms = round(live.visible_at_ms.get(stream, 0))
                    places += (stream, f"{self._worker} {visible_ms}")
        if keys:
            await self._put_script(keys=keys, args=places)

    async def _keep(self, due: list[Live]) -> None:
        """Put off the end of what is there already; what the store has lost is written anew."""
        due = [live for live in due if live.connections]  # others left while changes were written
        if not due:
            return
        keys = [where_key(live.tenant, live.session) for live in due]
        streams = [next(iter(live.connections)) for live in due]
        for place in await self._keep_script(keys=keys, args=[_TTL_S, *streams]):
            self.changed(due[int(place) - 1])

    async def listen(self) -> None:
        """Push what is published to this worker, until cancelled."""
        while True:
            try:
                channel: Any = self._client.pubsub(ignore_subscribe_messages=True)
                async with channel as pubsub:
                    await pubsub.subscribe(edge_channel(self._worker))
                    async for message in pubsub.listen():
                        self._push(message["data"])
            except (RedisError, OSError) as error:
                _log.warning("state store away, pushes wait for hello", error=str(error))
                await asyncio.sleep(1.0)

    def _push(self, data: bytes) -> None:
        try:
            intervention = pb.Intervention.FromString(data)
        except DecodeError:
            _log.error("not an intervention on the push channel", bytes=len(data))
            return
        self._hub.push(intervention, time.time() * 1000)
