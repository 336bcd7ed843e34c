"""AT-02: the log is black-holed under load: no ack, pages are told, memory is bounded, no loss."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest

from cli.client import Frame, Page
from cli.up.ports import free_port
from edge.settings import Settings
from services.common.log import open_log
from tests.acceptance.judging import logged, order_of, whole
from tests.engines.fault_proxy import FaultProxy, fault_proxy
from tests.engines.kafka.broker import Broker, Listener
from tests.engines.kafka.jars import NoBroker, jars
from tests.engines.logs import make_topics
from tests.integration.bad_input.world import ORIGIN, World, open_world
from tests.integration.pipeline_line import query_stub, report, until_stored

MB = 1_000_000
MOST_GROWTH = 64 * MB
SLOW_WITHIN_S = 2.0
(DEFAULT_BOUND,) = (one.default for one in fields(Settings) if one.name == "max_buffer_bytes")
_SELECT, _ERROR = 14, 13
_LOOK_S = 0.1


@dataclass
class Client:
    """A page under load, and what it heard. It sends nothing that may be left out."""

    page: Page
    events: list[list[Any]]
    every_s: float
    slow_at: float = 0.0
    slow: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, stop: asyncio.Event) -> None:
        """Send until told to stop; wait as long as `slow` asks to, as the SDK does."""
        while not stop.is_set():
            await self.page.send_events(time.time() * 1000, self.events)
            await asyncio.sleep(self.every_s)
            if self.slow.is_set():
                self.slow.clear()
                await asyncio.sleep(1.0)


def client(world: World, events: list[list[Any]], every_s: float) -> Client:
    """A page that notes when it was told that the log is slow."""

    def heard(frame: Frame, _: float) -> None:
        if frame["type"] == "error" and frame["code"] == "slow":
            assert frame["retry_after_ms"] > 0
            made.slow_at = made.slow_at or time.monotonic()
            made.slow.set()

    page = Page(world.mesh.urls["ws"], world.key, origin=ORIGIN, on_frame=heard)
    made = Client(page, events, every_s)
    return made


def light(world: World) -> Client:
    """As a visitor sends."""
    return client(world, [[_SELECT, 5, number] for number in range(10)], 0.05)


def heavy(world: World) -> Client:
    """Half a megabyte a second, each string another, so that a record is as long as its frame."""
    return client(world, [[_ERROR, 1, f"{number:03d}" + "x" * 500] for number in range(100)], 0.1)


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} is gone")


class Watch:
    """What the edge has in memory and in its buffer, looked at again and again."""

    def __init__(self, world: World) -> None:
        edge = world.mesh.processes["edge"]
        self._pid = edge.pid
        self.before = resident(self._pid)
        self.most = self.before

    @property
    def grown(self) -> int:
        """Bytes of growth, at the highest."""
        return self.most - self.before

    async def look(self) -> None:
        """Look until cancelled."""
        while True:
            self.most = max(self.most, resident(self._pid))
            await asyncio.sleep(_LOOK_S)


@asynccontextmanager
async def watched(world: World) -> AsyncGenerator[Watch]:
    """Watch the edge for as long as the block lasts."""
    watch = Watch(world)
    looking = asyncio.create_task(watch.look())
    try:
        yield watch
    finally:
        looking.cancel()
        await asyncio.wait([looking])


@asynccontextmanager
async def black_hole(proxy: FaultProxy, pages: list[Page]) -> AsyncGenerator[None]:
    """Nothing passes to the log, then nothing back. What the edge said before has arrived."""
    try:
        for way in (proxy.up, proxy.down):
            way.black_hole = True
            for _ in range(2):  # a turn of the edge's loop for what the log had answered
                await asyncio.gather(*[page.ping() for page in pages])
        yield
    finally:
        proxy.up.black_hole = proxy.down.black_hole = False


@dataclass(frozen=True, slots=True)
class Ways:
    """Two ways to one log: that of the mesh, which can be broken, and that of the judge."""

    proxy: FaultProxy
    broken: str
    direct: str


@asynccontextmanager
async def ways_to(kind: str, request: pytest.FixtureRequest, folder: Path) -> AsyncGenerator[Ways]:
    """A log of either kind. Kafka tells its clients where to come: through the proxy."""
    if kind == "valkey":
        url: str = request.getfixturevalue("log_url")
        async with fault_proxy(url.removeprefix("unix://")) as proxy:
            yield Ways(proxy, f"redis://127.0.0.1:{proxy.port}", url)
        return
    try:
        jars()
    except NoBroker as error:
        pytest.skip(str(error))
    inner = free_port()
    async with fault_proxy(("127.0.0.1", inner)) as proxy:
        broker = Broker(folder / "kafka", {"PROXIED": Listener(inner, proxy.port)})
        direct = f"{broker.start()}/mesh"
        try:
            await make_topics(direct)
            yield Ways(proxy, f"kafka://127.0.0.1:{proxy.port}/mesh", direct)
        finally:
            broker.stop()


@pytest.mark.parametrize("kind", ["valkey", "kafka"])
@pytest.mark.parametrize(
    ("hole_s", "bound"),
    [
        pytest.param(6.0, 8 << 20, id="short", marks=pytest.mark.timeout(240)),
        pytest.param(
            30.0, DEFAULT_BOUND, id="long", marks=[pytest.mark.long, pytest.mark.timeout(600)]
        ),
    ],
)
async def test_at_02_a_log_that_is_away(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, hole_s: float, bound: int
) -> None:
    async with ways_to(kind, request, tmp_path) as ways:
        proxy, direct = ways.proxy, open_log(ways.direct)
        settings = {
            "SIQ_LOG_URL": ways.broken,
            "SIQ_MAX_BUFFER_BYTES": str(bound),
            "SIQ_ROLL_INTERVAL_S": "1",
        }
        async with open_world(env=settings) as world:
            clients = [light(world) for _ in range(10)] + [heavy(world) for _ in range(10)]
            pages = [one.page for one in clients]
            await asyncio.gather(*[page.open() for page in pages])
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as sending:
                for one in clients:
                    sending.create_task(one.send(stop))
                while any(page.acked < 5 for page in pages):
                    await asyncio.sleep(0.01)
                async with watched(world) as watch:
                    async with black_hole(proxy, pages):
                        began = time.monotonic()
                        acked = [page.acked for page in pages]
                        there = await logged(direct)
                        for page in pages:
                            assert page.acked <= max(there[page.session, page.stream])
                        await asyncio.sleep(hole_s)
                        assert [page.acked for page in pages] == acked, "acks that no log gave"
                    stop.set()
                    for page in pages:
                        await page.drained(60)
            # Pages are asked to wait as soon as records wait, long before the buffer is full.
            late = [one.slow_at - began for one in clients]
            found = await logged(direct)
            orders = [order_of(found[page.session, page.stream]) for page in pages]
            print(
                f"grown by {watch.grown / MB:.1f} MB, slow within {max(late):.2f} s,"
                f" {sum(page.sent for page in pages)} frames,"
                f" {sum(order.repeats for order in orders)} repeated"
            )
            assert all(one.slow_at for one in clients), "not everybody was told"
            assert max(late) <= SLOW_WITHIN_S
            assert watch.grown <= MOST_GROWTH
            for page, order in zip(pages, orders, strict=True):
                assert whole(order, page.sent), order
            await until_stored(direct, within_s=120)
            async with query_stub(world.mesh.env["SIQ_PIPELINE_ADDR"], world.secret) as stub:
                rows = await report(stub, "mine", "events_by_type")
            sent = sum(page.counters["events"] for page in pages)
            assert sum(row["events"] for row in rows) == sent
            await asyncio.gather(*[page.close() for page in pages])
        await direct.close()
