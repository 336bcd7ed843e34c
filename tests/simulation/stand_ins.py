"""What is put in place of clocks, chance, engines and neighbours while a simulation runs.

The product's modules look these up by name when they run; `installed` changes the names and puts
them back. Nothing of the protocol itself is replaced: sessions, writer, lane, ticks, leases, folds
and the keeper are the real ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

import msgspec

import edge.http
import edge.lane
import edge.pacing
import edge.page
import edge.session
import edge.ticks
import edge.worker
import edge.writer
import services.common.ownership
import services.common.partition
import services.detection.emotions
import services.detection.fold
import services.detection.keeper
import services.detection.servicer
from edge.tenants import DirectoryUnavailable, Grant
from services.common.auth import Principal
from tests.simulation.log import LogClient
from tests.simulation.loop import Process, current_process
from tests.simulation.network import DetectChannel
from tests.simulation.state import StateClient

if TYPE_CHECKING:
    from tests.simulation.world import World

PARTITIONS = 8
"""Fewer than in production: more happens in each."""

GRANT = Grant("acme", ("*",), {"coalesce_ms": 250}, emotions_to_page=False)


class Clock:
    """In place of the module `time`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def monotonic(self) -> float:
        """Seconds of virtual time."""
        return self._world.loop.time()

    def time(self) -> float:
        """The virtual wall clock, in seconds."""
        return self._world.wall_us() / 1e6

    def time_ns(self) -> int:
        """The virtual wall clock, in nanoseconds."""
        return self._world.wall_us() * 1_000


class TraceLog:
    """In place of a module's logger: what the product logs is part of the trace."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _note(self, event: str, **fields: Any) -> None:
        process = current_process()
        self._world.trace("log", process.name if process else "-", event, *fields.values())

    debug = info = warning = error = _note


class Sealer:
    """In place of edge.seal's: a sealed box holds random bytes."""

    def seal(self, content: Any) -> tuple[bytes, bytes]:
        """Leave it open."""
        return msgspec.json.encode(content), b"key"


class Neighbours:
    """Identity, intervention and presence, in as far as the edge calls them here."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def resolve(self, key: str) -> Grant:
        """Every key is known, at times only after a while, at times only the next time."""
        chance = self._world.chance.random()
        if chance < 0.03:
            raise DirectoryUnavailable
        if chance < 0.3:
            await asyncio.sleep(self._world.chance.uniform(0.001, 0.5))
        return GRANT

    async def pending(self, live: Any) -> None:
        """Nothing waits for a visitor."""

    def react(self, emotions: Any) -> None:
        """No help is decided."""

    def identify(self, message: Any) -> None:
        """Identity hears of it."""

    def changed(self, live: Any) -> None:
        """Presence is noted."""

    def gone(self, tenant: str, session: str, stream: str) -> None:
        """Absence is noted."""


def _here() -> Process:
    process = current_process()
    assert process is not None
    return process


class _Openers:
    """What the product calls to reach something; it gets the simulated one."""

    def __init__(self, world: World) -> None:
        self._world = world

    def log(self, url: str) -> LogClient:
        """In place of open_log."""
        return LogClient(self._world.log, _here())

    def connect(self, url: str) -> StateClient:
        """In place of state.connect."""
        return StateClient(self._world, self._world.state, _here())

    def channel(self, endpoint: str, token: str = "") -> DetectChannel:
        """In place of channels.connect and connect_plain."""
        return DetectChannel(self._world, endpoint)

    def session_id(self) -> str:
        """In place of tokens.new_session_id."""
        return f"{self._world.chance.getrandbits(128):032x}"


def _open_detect(channel: Any, metadata: Any) -> Any:
    """In place of the lane's own."""
    del metadata
    return channel.Detect()


def _the_same(channel: Any) -> Any:
    """In place of a stub's class: the simulated channel is its own stub."""
    return channel


def _token(*_: Any, **__: Any) -> str:
    """In place of make_token."""
    return "token"


def _caller() -> Principal:
    """In place of principal."""
    return Principal("edge", "*", "mesh")


@contextmanager
def installed(world: World) -> Generator[None]:
    """Replace, and put back at the end."""
    clock, log, opens = Clock(world), TraceLog(world), _Openers(world)
    worker, lane = edge.worker, edge.lane
    servicer = services.detection.servicer
    names: list[tuple[ModuleType, str, Any]] = [
        (edge.session, "new_session_id", opens.session_id),
        (worker, "random", world.chance),
        (worker, "Sealer", Sealer),
        (worker, "make_token", _token),
        (worker, "open_log", opens.log),
        (worker, "state", opens),
        (worker, "connect", opens.channel),
        (worker, "TenantServiceStub", _the_same),
        (worker, "IdentityServiceStub", _the_same),
        (worker, "InterventionServiceStub", _the_same),
        (lane, "connect_plain", opens.channel),
        (lane, "open_detect", _open_detect),
        (servicer, "principal", _caller),
        (services.common.partition, "PARTITIONS", PARTITIONS),
        (services.common.ownership, "PARTITIONS", PARTITIONS),
    ]
    timed = (edge.writer, edge.pacing, edge.http, lane, edge.ticks, edge.page, worker)
    detection = (services.detection.keeper, services.detection.emotions)
    names += [(module, "time", clock) for module in (*timed, *detection, servicer)]
    logging = (edge.writer, lane, worker, services.detection.fold)
    names += [(module, "_log", log) for module in (*logging, *detection)]
    with ExitStack() as stack:
        for module, name, value in names:
            stack.enter_context(mock.patch.object(module, name, value))
        yield
