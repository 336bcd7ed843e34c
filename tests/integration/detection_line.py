"""Detection processes, the log and state store that they share, and what is done with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc.aio
import pytest_asyncio
from sentientiq.behavior.v1 import types_pb2 as behavior
from sentientiq.detection.v1 import detection_service_pb2 as pb
from sentientiq.detection.v1 import detection_service_pb2_grpc as rpc
from sentientiq.detection.v1.emotion_pb2 import Emotion
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as tenant_rpc

from cli.up.ports import free_address
from hotpath.columns import from_wire
from services.common import state
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import BEHAVIOR, EMOTION, Append, EventLog, Record, open_log
from services.common.ownership import LeaseStore
from services.common.partition import partition_of, record_key
from tests.engines.fixtures import Engines
from tests.engines.running import MESH_SECRET, Running

T0 = 1_700_000_000_000
BUTTON = {1: ("button#pay", 2)}


def presses(
    session: str, seq: int, at_ms: int, count: int = 1, gap_ms: int = 250, tenant: str = "t"
) -> Any:
    events: list[list[object]] = [
        [3, 0 if index == 0 else gap_ms, 100, 100, 1, 0, 1] for index in range(count)
    ]
    columns = from_wire(events, BUTTON)
    return behavior.BehaviorBatch(
        tenant_id=tenant,
        session_id=session,
        stream_id="p1",
        seq=seq,
        t0_ms=T0 + at_ms,
        page="/checkout",
        count=columns.count,
        columns=columns.blob,
        targets=[behavior.Target(descriptor=d, flags=f) for d, f in columns.targets],
        strings=columns.strings,
    )


async def append(log: EventLog, batch: Any) -> tuple[int, int]:
    partition = partition_of(batch.tenant_id, batch.session_id)
    record = Record(record_key(batch.tenant_id, batch.session_id), batch.SerializeToString())
    (offset,) = await log.append([Append(BEHAVIOR, partition, [record])])
    return partition, offset


async def emotions_in(log: EventLog) -> dict[tuple[str, int], Emotion]:
    entries = await log.read(EMOTION, dict.fromkeys(range(64), 0), limit=10_000)
    found = [Emotion.FromString(r.value) for entry in entries for r in entry.records]
    return {(emotion.id, emotion.rev): emotion for emotion in found}


async def eventually(check: Callable[[], Awaitable[Any]], within_s: float = 15.0) -> Any:
    async with asyncio.timeout(within_s):
        while not (found := await check()):
            await asyncio.sleep(0.05)
        return found


class Settings:
    """What detection hears from identity: the tenants' documents, as soon as it may."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.told = asyncio.Event()
        self.told.set()
        self.address = free_address()
        self._server = grpc.aio.server()

    async def WatchConfig(self, request: Any, context: Any) -> Any:
        await self.told.wait()
        for tenant, body in self.bodies.items():
            document = tenant_pb2.ConfigDocument(
                tenant_id=tenant, kind=request.kind, version=1, body=body
            )
            yield tenant_pb2.WatchConfigResponse(document=document)
        yield tenant_pb2.WatchConfigResponse(complete=request.tell_complete)
        await asyncio.Event().wait()

    async def start(self) -> None:
        other: Any = tenant_rpc.TenantServiceServicer
        served: Any = type("Served", (other,), {"WatchConfig": staticmethod(self.WatchConfig)})
        tenant_rpc.add_TenantServiceServicer_to_server(served(), self._server)
        self._server.add_insecure_port(self.address)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)


class Mesh:
    """Detection processes over one log and one state store."""

    def __init__(self, log_url: str, state_url: str) -> None:
        self.settings = Settings()
        self.log = open_log(log_url)
        self.state = state.connect(state_url)
        self.leases = LeaseStore(self.state)
        self._env = {
            "SIQ_LOG_URL": log_url, "SIQ_STATE_URL": state_url, "SIQ_SNAPSHOT_S": "0.5",
            "SIQ_IDENTITY_ADDR": self.settings.address,
        }  # fmt: skip
        self.processes: dict[str, Running] = {}

    async def start(self) -> str:
        address = free_address()
        running = Running("services.detection", {**self._env, "SIQ_LISTEN": address})
        self.processes[address] = running
        await running.ready(address)
        return address

    async def owned_by(self, address: str, partitions: int = 64) -> None:
        async def check() -> bool:
            owners = await self.leases.owners()
            return sum(lease.endpoint == address for lease in owners.values()) == partitions

        await eventually(check)

    async def close(self) -> None:
        for running in self.processes.values():
            running.kill()
        await self.settings.stop()
        await self.log.close()
        await self.state.aclose()


@pytest_asyncio.fixture
async def mesh(engines: Engines, log_url: str, state_url: str) -> AsyncIterator[Mesh]:
    engines.log.ask("FLUSHALL")
    engines.state.ask("FLUSHALL")
    running = Mesh(log_url, state_url)
    await running.settings.start()
    yield running
    await running.close()


async def detect(address: str, *entries: pb.PartitionEntry) -> list[pb.DetectResponse]:
    channel = connect(address, make_token(MESH_SECRET, subject="test"))
    async with channel:
        call: Any = rpc.DetectionServiceStub(channel).Detect()
        responses: list[pb.DetectResponse] = []
        for entry in entries:
            await call.write(pb.DetectRequest(entries=[entry]))
            while not (response := await call.read()).results:
                pass  # timers that are named to whoever comes
            responses.append(response)
        call.cancel()
        return responses
