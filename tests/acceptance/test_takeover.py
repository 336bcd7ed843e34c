"""AT-34: detection processes are killed and come back; 10,000 sessions are taken over.

Who may hold what is tried far harder in `tests/simulation`; here it is real processes and time.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from sentientiq.detection.v1 import detection_service_pb2 as pb

from services.common.log import BEHAVIOR, Append, Record
from services.common.partition import partition_of, record_key
from tests.integration.detection_line import Mesh, detect, emotions_in, presses

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

_SESSIONS = 10_000
_CYCLES = 100


async def press_all(mesh: Mesh, sessions: list[str], seq: int) -> None:
    """The press with that number, of all of them; an entry a partition, as the edge writes them."""
    records: dict[int, list[Record]] = {}
    for session in sessions:
        batch = presses(session, seq, 250 * (seq - 1))
        record = Record(record_key(batch.tenant_id, session), batch.SerializeToString())
        records.setdefault(partition_of(batch.tenant_id, session), []).append(record)
    await mesh.log.append([Append(BEHAVIOR, p, some) for p, some in records.items()])


async def raging(mesh: Mesh, sessions: list[str], within_s: float) -> None:
    """Wait until each of them has its verdict, from its first three presses."""
    async with asyncio.timeout(within_s):
        while True:
            found = await emotions_in(mesh.log)
            if {emotion.session_id for emotion in found.values()} >= set(sessions):
                break
            await asyncio.sleep(0.1)
    assert all([ref.seq for ref in emotion.evidence] == [1, 2, 3] for emotion in found.values())


async def held_by(mesh: Mesh, addresses: set[str]) -> None:
    """Wait until these hold everything between them."""
    async with asyncio.timeout(30):
        while True:
            owners = await mesh.leases.owners()
            if len(owners) == 64 and {lease.endpoint for lease in owners.values()} == addresses:
                return
            await asyncio.sleep(0.02)


async def test_at_34_ten_thousand_sessions_are_taken_over(mesh: Mesh) -> None:
    first, second = await mesh.start(), await mesh.start()
    await held_by(mesh, {first, second})
    sessions = [f"s{number}" for number in range(_SESSIONS)]
    await press_all(mesh, sessions, 1)
    await press_all(mesh, sessions, 2)
    mesh.processes[first].kill()
    killed_s = time.monotonic()
    await press_all(mesh, sessions, 3)
    await held_by(mesh, {second})
    moved_s = time.monotonic() - killed_s
    await raging(mesh, sessions, 60)
    later_s = time.monotonic() - killed_s - moved_s
    print(f"leases moved {moved_s:.2f} s after the kill, the last verdict {later_s:.2f} s later")


async def test_at_34_killed_and_back_again_and_again(mesh: Mesh) -> None:
    alive = [await mesh.start(), await mesh.start()]
    epochs: dict[int, int] = {}
    everybody: list[str] = []
    for cycle in range(_CYCLES):
        await held_by(mesh, set(alive))
        before = await mesh.leases.owners()
        sessions = [f"c{cycle}-{number}" for number in range(64)]
        everybody += sessions
        await press_all(mesh, sessions, 1)
        mesh.processes.pop(alive.pop(0)).kill()
        await press_all(mesh, sessions, 2)
        alive.append(await mesh.start())
        await held_by(mesh, set(alive))
        await press_all(mesh, sessions, 3)
        owners = await mesh.leases.owners()
        assert all(owners[p].epoch >= epochs.get(p, 0) for p in owners)
        epochs = {p: lease.epoch for p, lease in owners.items()}
        # Whoever still writes under an epoch of before is refused by the new holder.
        moved = [p for p in owners if owners[p].endpoint != before[p].endpoint]
        assert moved
        stale = [pb.PartitionEntry(partition=p, epoch=before[p].epoch, offset=1) for p in moved]
        for entry in stale:
            (answer,) = await detect(owners[entry.partition].endpoint, entry)
            assert answer.results[0].status == pb.PARTITION_STATUS_NOT_OWNER
    await raging(mesh, everybody, 60)
