"""The state store: the real scripts of services/common/ownership.py, in a real Lua 5.1.

The store is one thing that all processes talk to (`StateServer`); each process has a client with
the few methods that LeaseStore and SnapshotStore call (`StateClient`). The scripts' clock is the
simulation's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lupa import lua51
from redis.exceptions import ConnectionError as StateAway

from tests.simulation.loop import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

OnLease = Callable[[int, str, int], None]
"""A lease was written: partition, endpoint, epoch."""

_LEASE = "siq:part:"


class StateServer:
    """What the store knows, and when it lets itself be asked."""

    def __init__(self, world: World, on_lease: OnLease) -> None:
        self.away = False
        self._world = world
        self._on_lease = on_lease
        self._values: dict[str, Any] = {}
        self._expiry_ms: dict[str, int] = {}
        self._scripts: dict[str, Any] = {}
        runtime: Any = lua51.LuaRuntime
        self._lua: Any = runtime(encoding="latin-1")
        self._lua.globals().redis = self._lua.table_from({"call": self._call})

    def empty(self) -> None:
        """Lose everything, as a restart does."""
        self._values.clear()
        self._expiry_ms.clear()

    def script(self, text: str, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run a script; its answer as redis-py would give it."""
        function = self._scripts.get(text)
        if function is None:
            function = self._lua.execute(f"return function(KEYS, ARGV)\n{text}\nend")
            self._scripts[text] = function
        table = self._lua.table_from
        return _reply(function(table(list(keys)), table([str(arg) for arg in args])))

    def get(self, key: str) -> Any:
        """A value that has not expired."""
        if self._expiry_ms.get(key, math.inf) <= self._world.wall_ms():
            del self._values[key], self._expiry_ms[key]
        return self._values.get(key)

    def set(self, key: str, value: Any, ttl_ms: int) -> None:
        """Set a value with a time to live."""
        self._values[key] = value
        self._expiry_ms[key] = self._world.wall_ms() + ttl_ms

    def leave(self, key: str, member: str) -> None:
        """ZREM."""
        self._values.get(key, {}).pop(member, None)

    def members(self, key: str) -> int:
        """ZCARD."""
        return len(self._values.get(key, {}))

    def _call(self, command: str, *arguments: Any) -> Any:
        """What a script may ask of the store."""
        match command, *arguments:
            case ["TIME"]:
                micros = self._world.wall_us()
                return self._table([str(micros // 1_000_000), str(micros % 1_000_000)])
            case ["GET", key]:
                return self.get(key) or False
            case ["SET", key, value, "PX", ttl_ms]:
                self.set(key, value, int(ttl_ms))
                endpoint, _, epoch = value.partition(" ")
                self._on_lease(int(key.removeprefix(_LEASE)), endpoint, int(epoch))
                return "OK"
            case ["DEL", key]:
                self._expiry_ms.pop(key, None)
                return int(self._values.pop(key, None) is not None)
            case ["PTTL", key]:
                return self._expiry_ms[key] - self._world.wall_ms()
            case ["HGET", key, name]:
                return self._values.get(key, {}).get(name, False)
            case ["HSET", key, name, value]:
                self._values.setdefault(key, {})[name] = value
                return 1
            case ["ZADD", key, score, member]:
                self._values.setdefault(key, {})[member] = float(score)
                return 1
            case ["ZSCORE", key, member]:
                score = self._values.get(key, {}).get(member)
                return False if score is None else str(score)
            case ["ZREM", key, member]:
                self.leave(key, member)
                return 1
            case ["ZREMRANGEBYSCORE", key, "-inf", highest]:
                scores: dict[str, float] = self._values.setdefault(key, {})
                for member in [member for member, score in scores.items() if score <= highest]:
                    del scores[member]
                return 0
            case ["ZRANGE", key, 0, -1]:
                scores = self._values.get(key, {})
                return self._table(sorted(scores, key=lambda member: (scores[member], member)))
            case _:
                raise NotImplementedError(f"{command} {arguments}")

    def _table(self, items: list[str]) -> Any:
        return self._lua.table_from(items)


def _reply(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, int | float):
        return int(value)
    return [_reply(item) for item in value.values()]


class StateClient:
    """One process's client of the store."""

    def __init__(self, world: World, server: StateServer, process: Process) -> None:
        self._world = world
        self._server = server
        self._process = process

    def register_script(self, text: str) -> Callable[..., Any]:
        """As redis-py: a callable that runs the script."""

        async def run(keys: Sequence[str], args: Sequence[str | int]) -> Any:
            return await self._ask(lambda: self._server.script(text, keys, args))

        return run

    async def zrem(self, key: str, member: str) -> None:
        """Remove a member of a sorted set."""
        await self._ask(lambda: self._server.leave(key, member))

    async def zcard(self, key: str) -> int:
        """Members of a sorted set."""
        return await self._ask(lambda: self._server.members(key))

    async def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """Several values at once."""

        def ask() -> list[bytes | None]:
            values = [self._server.get(key) for key in keys]
            return [value.encode() if value is not None else None for value in values]

        return await self._ask(ask)

    async def get(self, key: str) -> bytes | None:
        """One value."""
        return await self._ask(lambda: self._server.get(key))

    async def set(self, key: str, value: bytes, ex: int) -> None:
        """Set a value for `ex` seconds."""
        await self._ask(lambda: self._server.set(key, value, ex * 1_000))

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _ask(self, ask: Callable[[], Any]) -> Any:
        def arrive() -> Any:
            if self._server.away:
                raise StateAway("the state store is away")
            return ask()

        return await self._world.request(self._process, arrive)
