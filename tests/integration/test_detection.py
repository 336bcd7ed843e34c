"""The detection process on a real log and state store: verdicts, takeover, fencing."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Any

import grpc.aio
import pytest
from sentientiq.detection.v1 import detection_service_pb2 as pb
from sentientiq.detection.v1 import detection_service_pb2_grpc as rpc

from edge.lane import FastLane
from edge.writer import Appended
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import BEHAVIOR, Append, Record
from services.common.partition import partition_of
from tests.engines.fixtures import Engines
from tests.engines.running import MESH_SECRET
from tests.integration.detection_line import (
    T0,
    Mesh,
    append,
    detect,
    emotions_in,
    eventually,
    presses,
)


async def epoch_of(mesh: Mesh, partition: int) -> int:
    return (await mesh.leases.owners())[partition].epoch


async def live_entry(mesh: Mesh, batch: Any) -> pb.PartitionEntry:
    partition, offset = await append(mesh.log, batch)
    epoch = await epoch_of(mesh, partition)
    return pb.PartitionEntry(partition=partition, epoch=epoch, offset=offset, batches=[batch])


async def test_rage_comes_back_on_the_stream_and_goes_into_the_log(mesh: Mesh):
    address = await mesh.start()
    await mesh.owned_by(address)
    entries = [await live_entry(mesh, presses("s1", n + 1, 250 * n)) for n in range(5)]
    responses = await detect(address, *entries)
    emotions = [emotion for response in responses for emotion in response.emotions]
    assert emotions[0].context.element == "button#pay"
    assert emotions[0].context.page == "/checkout"
    assert [ref.seq for ref in emotions[0].evidence] == [1, 2, 3]
    assert emotions[0].occurred_at_ms == T0 + 500

    async def logged() -> bool:
        return set(await emotions_in(mesh.log)) == {(e.id, e.rev) for e in emotions}

    await eventually(logged)


async def test_entries_apply_in_log_order_whatever_the_stream_does(mesh: Mesh):
    address = await mesh.start()
    await mesh.owned_by(address)
    entries = [await live_entry(mesh, presses("s1", n + 1, 250 * n)) for n in range(4)]
    responses = await detect(address, entries[2], entries[1], entries[3], entries[0])
    assert [len(response.emotions) > 0 for response in responses] == [False, False, False, True]
    assert responses[-1].results[0].through_offset == entries[-1].offset


async def test_who_opens_a_stream_hears_of_the_timers_that_are_set(mesh: Mesh):
    address = await mesh.start()
    await mesh.owned_by(address)
    batch = presses("s1", 1, 0, count=3, gap_ms=90)
    batch.t0_ms = round(time.time() * 1000)
    entry = await live_entry(mesh, batch)
    (response,) = await detect(address, entry)
    assert [wake.stream_id for wake in response.wakes] == ["p1"]
    async with connect(address, make_token(MESH_SECRET, subject="another")) as channel:
        call: Any = rpc.DetectionServiceStub(channel).Detect()
        named = await call.read()
        call.cancel()
    assert list(named.wakes) == list(response.wakes)


async def test_what_the_stream_does_not_bring_is_read_from_the_log(mesh: Mesh):
    address = await mesh.start()
    await mesh.owned_by(address)
    for number in range(4):
        await append(mesh.log, presses("s1", number + 1, 250 * number))
    found = await eventually(lambda: emotions_in(mesh.log))
    assert min(emotion.rev for emotion in found.values()) == 1


async def test_what_is_replayed_is_judged_by_the_tenants_settings(mesh: Mesh):
    mesh.settings.bodies["quiet"] = b'{"off": ["rage"]}'
    mesh.settings.told.clear()
    for tenant in ("quiet", "t"):
        await append(mesh.log, presses("s1", 1, 0, count=4, tenant=tenant))
    address = await mesh.start()
    await asyncio.sleep(0.5)
    assert address not in {lease.endpoint for lease in (await mesh.leases.owners()).values()}
    mesh.settings.told.set()
    await mesh.owned_by(address)
    await eventually(lambda: emotions_in(mesh.log))
    await asyncio.sleep(0.5)
    assert {e.tenant_id for e in (await emotions_in(mesh.log)).values()} == {"t"}


async def test_it_begins_without_settings_if_identity_is_away(mesh: Mesh):
    await mesh.settings.stop()
    await mesh.owned_by(await mesh.start())


async def test_a_record_that_is_no_batch_does_not_stop_its_partition(mesh: Mesh):
    address = await mesh.start()
    await mesh.owned_by(address)
    garbage = Append(BEHAVIOR, partition_of("t", "s1"), [Record(b"k", b"\xff\xff\xff\xff")])
    await mesh.log.append([garbage])
    for number in range(4):
        await append(mesh.log, presses("s1", number + 1, 250 * number))
    await eventually(lambda: emotions_in(mesh.log))
    assert mesh.processes[address].process.poll() is None


async def test_another_epoch_changes_nothing(mesh: Mesh):
    address = await mesh.start()
    await mesh.owned_by(address)
    entry = await live_entry(mesh, presses("s1", 1, 0, count=5))
    entry.epoch += 1
    (response,) = await detect(address, entry)
    assert response.results[0].status == pb.PARTITION_STATUS_NOT_OWNER
    assert not response.emotions


@pytest.mark.parametrize("end", ["kill", "term"])
async def test_a_takeover_continues_where_the_holder_stopped(mesh: Mesh, end: str):
    first = await mesh.start()
    await mesh.owned_by(first)
    sessions = [f"s{number}" for number in range(20)]
    for session in sessions:
        for number in range(2):
            entry = await live_entry(mesh, presses(session, number + 1, 250 * number))
            await detect(first, entry)
    second = await mesh.start()
    running = mesh.processes[first]
    if end == "kill":
        running.kill()
    else:
        assert running.stop() == 0
    await mesh.owned_by(second)
    for session in sessions:
        await append(mesh.log, presses(session, 3, 500))

    async def all_found() -> bool:
        found = await emotions_in(mesh.log)
        return {emotion.session_id for emotion in found.values()} == set(sessions)

    await eventually(all_found)
    for emotion in (await emotions_in(mesh.log)).values():
        # The state of the first two presses was carried over, exactly.
        assert [ref.seq for ref in emotion.evidence] == [1, 2, 3]


async def test_the_fast_lane_survives_a_pause_a_takeover_and_the_loss_of_the_store(
    mesh: Mesh, engines: Engines
):
    """The paused holder renews first in an emptied store, at an epoch that it held long ago."""
    first = await mesh.start()
    await mesh.owned_by(first)
    applied: dict[int, int] = {}

    def on_response(response: pb.DetectResponse) -> None:
        for result in response.results:
            if result.status == pb.PARTITION_STATUS_APPLIED:
                applied[result.partition] = max(
                    applied.get(result.partition, 0), result.through_offset
                )

    lane = FastLane(mesh.leases, make_token(MESH_SECRET, subject="test"), on_response)

    async def lane_works() -> bool:
        batch = presses("s1", 0, 0)
        partition, offset = await append(mesh.log, batch)
        value = batch.SerializeToString()
        lane.send([Appended(partition, offset, [value], time.time_ns(), time.time_ns())])
        await asyncio.sleep(0.1)  # it is not resent: what comes back late is not this lane's
        return applied.get(partition, 0) >= offset

    following = asyncio.create_task(lane.run())
    try:
        await eventually(lane_works)
        mesh.processes[first].signal(signal.SIGSTOP)
        second = await mesh.start()
        await mesh.owned_by(second)
        await eventually(lane_works)
        mesh.processes[second].kill()
        engines.state.ask("FLUSHALL")
        mesh.processes[first].signal(signal.SIGCONT)
        await mesh.owned_by(first)
        await eventually(lane_works)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_two_processes_share_the_partitions(mesh: Mesh):
    first = await mesh.start()
    await mesh.owned_by(first)
    second = await mesh.start()

    async def shared() -> bool:
        holders = [lease.endpoint for lease in (await mesh.leases.owners()).values()]
        return len(holders) == 64 and holders.count(first) > 10 and holders.count(second) > 10

    await eventually(shared)


async def test_a_caller_without_a_token_is_refused(mesh: Mesh):
    address = await mesh.start()
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = rpc.DetectionServiceStub(channel).Detect()
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call.read()
    assert raised.value.code() == grpc.StatusCode.UNAUTHENTICATED
