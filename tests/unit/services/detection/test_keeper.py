"""The keeper on a real log and state store: what it holds, adopts, loses and gives back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import redis.asyncio as redis
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch, Target

import services.detection.keeper
from hotpath.columns import from_wire
from hotpath.detector import Detector
from hotpath.model import Model
from services.common import state
from services.common.log import BEHAVIOR, Append, EventLog, LogUnavailable, Record, open_log
from services.common.ownership import MISSED_MS, LeaseStore
from services.common.partition import PARTITIONS, partition_of, record_key
from services.detection.fold import Fold
from services.detection.keeper import Keeper, batches_of
from services.detection.snapshots import Snapshot, SnapshotStore
from tests.engines.fixtures import Engines

PARTITION = partition_of("t", "s1")


async def eventually(check: Callable[[], bool], within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.02)


async def press(log: EventLog, seq: int, partition: int = PARTITION, *, stream: str = "p") -> int:
    columns = from_wire([[3, 0, 100, 100, 1, 0, 1]], {1: ("button#pay", 2)})
    batch = BehaviorBatch(
        tenant_id="t",
        session_id="s1",
        stream_id=stream,
        seq=seq,
        t0_ms=1_700_000_000_000 + 130 * seq,
        page="/",
        count=1,
        columns=columns.blob,
        targets=[Target(descriptor=name, flags=flags) for name, flags in columns.targets],
    )
    record = Record(record_key("t", "s1"), batch.SerializeToString())
    (offset,) = await log.append([Append(BEHAVIOR, partition, [record])])
    return offset


class Mesh:
    """One keeper, and the clients that it uses."""

    def __init__(self, log: EventLog, client: redis.Redis, *, streams: int = 4096) -> None:
        self.log = log
        self.leases = LeaseStore(client)
        self.snapshots = SnapshotStore(client)
        self.emitted = 0
        self.loop_turns = 0
        self.applied_at: dict[int, int] = {}
        """At which turn something was applied to a partition last."""
        self.log_takes_emotions = True
        self.keeper = Keeper(
            endpoint="a:1",
            leases=self.leases,
            snapshots=self.snapshots,
            log=log,
            threshold=50,
            streams=streams,
            model=Model(),
            on_applied=self._on_applied,
            flush_emotions=self._flush,
        )

    def _on_applied(self, fold: Fold) -> None:
        self.emitted += len(fold.drain())
        self.applied_at[fold.partition] = self.loop_turns

    async def _flush(self) -> None:
        if not self.log_takes_emotions:
            raise LogUnavailable("as the emotion writer says it")

    async def count_turns(self) -> None:
        """What else runs beside the keeper."""
        while True:
            self.loop_turns += 1
            await asyncio.sleep(0)

    @property
    def fold(self) -> Fold:
        return self.keeper.folds[PARTITION]

    def holds_all(self) -> bool:
        folds = self.keeper.folds
        return len(folds) == PARTITIONS and all(fold.live for fold in folds.values())

    @asynccontextmanager
    async def running(self, *loops: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
        tasks = [asyncio.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest_asyncio.fixture
async def mesh(engines: Engines, log_url: str, state_url: str) -> AsyncIterator[Mesh]:
    engines.log.ask("FLUSHALL")
    engines.state.ask("FLUSHALL")
    log, client = open_log(log_url), state.connect(state_url)
    yield Mesh(log, client)
    await log.close()
    await client.aclose()


async def test_a_raised_epoch_is_adopted_with_the_state(mesh: Mesh, engines: Engines):
    for seq in (1, 2):
        await press(mesh.log, seq)
    async with mesh.running(mesh.keeper.keep_leases(), mesh.keeper.keep_level()):
        await eventually(mesh.holds_all)
        before, epoch = mesh.fold, mesh.fold.epoch
        engines.state.ask("FLUSHALL")  # takes the snapshots too: a rebuild would be noticed below
        await eventually(lambda: mesh.fold.epoch > epoch)
        assert mesh.fold is before
        assert mesh.keeper.takeovers == PARTITIONS
        end = await press(mesh.log, 3)
        await eventually(lambda: mesh.fold.applied == end)
        assert mesh.emitted == 1
    assert (await mesh.leases.owners())[PARTITION].epoch == mesh.fold.epoch


async def test_a_lease_that_another_took_is_lost_with_the_state(mesh: Mesh):
    async with mesh.running(mesh.keeper.keep_leases()):
        await eventually(mesh.holds_all)
        taken: dict[int, int] = {}
        while not taken:  # until no renewal comes between
            await mesh.leases.release("a:1", [PARTITION])
            taken = await mesh.leases.acquire("b:1", {PARTITION: 0})
        await eventually(lambda: PARTITION not in mesh.keeper.folds)
        assert len(mesh.keeper.folds) == PARTITIONS - 1


async def test_whoever_comes_or_goes_changes_shares_at_once(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(services.detection.keeper, "_RENEW_S", 60.0)
    async with mesh.running(mesh.keeper.keep_leases()):
        await eventually(mesh.holds_all)
        await mesh.leases.announce("b:1")
        await eventually(lambda: len(mesh.keeper.folds) < PARTITIONS)
        await mesh.leases.leave("b:1")
        await eventually(mesh.holds_all)


def test_a_holder_may_miss_two_renewals():
    keeper: Any = services.detection.keeper
    assert MISSED_MS >= 3_000 * keeper._RENEW_S


async def test_renewals_come_in_between_while_partitions_catch_up(mesh: Mesh):
    for partition in range(PARTITIONS):
        await press(mesh.log, 1, partition)
    async with mesh.running(mesh.count_turns(), mesh.keeper.keep_leases()):
        await eventually(mesh.holds_all)
    assert len(set(mesh.applied_at.values())) == PARTITIONS


async def test_leases_are_kept_although_the_log_takes_no_hand_over(mesh: Mesh):
    await press(mesh.log, 1)
    async with mesh.running(mesh.keeper.keep_leases(), mesh.keeper.keep_level()):
        await eventually(lambda: mesh.holds_all() and mesh.fold.applied == 1)
        mesh.log_takes_emotions = False
        async with mesh.running(_stays(mesh.leases, "b:1")):
            await eventually(lambda: 0 < len(mesh.keeper.folds) < PARTITIONS)
        kept = set(mesh.keeper.folds)
        await eventually(mesh.holds_all)  # b is gone: the loop is alive and takes its share back
    assert kept < set(range(PARTITIONS))


async def _stays(leases: LeaseStore, endpoint: str) -> None:
    while True:
        await leases.announce(endpoint)
        await asyncio.sleep(0.5)


async def test_a_fold_that_the_log_was_trimmed_past_starts_over_from_the_snapshot(mesh: Mesh):
    async with mesh.running(mesh.keeper.keep_leases()):
        await eventually(mesh.holds_all)
        behind = mesh.fold  # as after a long sleep: nobody reads for it
        others = Fold(PARTITION, 0, Detector(), live=True)
        for seq in (1, 2):
            await press(mesh.log, seq)
        for entry in await mesh.log.read(BEHAVIOR, {PARTITION: 0}):
            others.offer(entry.offset, batches_of(entry), 0.0)
        await mesh.snapshots.save(PARTITION, Snapshot(2, others.detector.snapshot()))
        await mesh.log.trim(BEHAVIOR, {PARTITION: 2})
        await press(mesh.log, 3)
        async with mesh.running(mesh.keeper.keep_level()):
            await eventually(lambda: mesh.emitted == 1)
        assert mesh.fold is not behind
        assert mesh.fold.applied == 3


async def test_a_partition_holds_as_many_streams_as_it_is_told_to(
    engines: Engines, log_url: str, state_url: str
):
    engines.log.ask("FLUSHALL")
    engines.state.ask("FLUSHALL")
    log, client = open_log(log_url), state.connect(state_url)
    small = Mesh(log, client, streams=2)
    end = [await press(log, 1, stream=stream) for stream in "abc"][-1]
    async with small.running(small.keeper.keep_leases()):
        await eventually(lambda: small.holds_all() and small.fold.applied == end)
        assert len(small.fold.detector) == 2
        assert small.fold.detector.counters["evicted"] == 1
    await log.close()
    await client.aclose()
