"""AT-33: a detection process stands still (SIGSTOP) in the middle of a load, and another goes on.

The edge's fast lane runs here, against two real processes, a real log and a real state store. What
was measured is printed, and kept in docs/faults.md; what is asserted is that it happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time

from sentientiq.detection.v1 import detection_service_pb2 as pb

from edge.lane import FastLane
from edge.writer import Appended
from services.common.auth import make_token
from services.common.partition import partition_of
from tests.engines.running import MESH_SECRET
from tests.integration.detection_line import Mesh, append, emotions_in, eventually, presses

_SESSIONS = 200
_EVERY_S = 0.02
"""A session is begun this often; three presses each."""


class Load:
    """Sessions that rage one after the other, and when each verdict came back."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._raged_s: dict[str, float] = {}
        self.waited_s: dict[str, float] = {}
        self.lane = FastLane(mesh.leases, make_token(MESH_SECRET, subject="test"), self._hear)

    def _hear(self, response: pb.DetectResponse) -> None:
        for emotion in response.emotions:
            if emotion.session_id in self._raged_s:
                self.waited_s.setdefault(
                    emotion.session_id, time.monotonic() - self._raged_s[emotion.session_id]
                )

    async def rage(self, session: str) -> None:
        """Three presses that nothing answers, and the last one tips it."""
        for number in range(3):
            batch = presses(session, number + 1, 250 * number)
            if number == 2:
                self._raged_s[session] = time.monotonic()
            partition, offset = await append(self._mesh.log, batch)
            now_ns = time.time_ns()
            self.lane.send(
                [Appended(partition, offset, [batch.SerializeToString()], now_ns, now_ns)]
            )

    async def of(self, sessions: list[str]) -> None:
        """All of them, one after the other."""
        for session in sessions:
            await self.rage(session)
            await asyncio.sleep(_EVERY_S)

    async def until_both_are_heard(self, partitions: set[int]) -> list[str]:
        """Rage until the holder of these and the other one have answered; the sessions it took."""
        sessions: list[str] = []
        async with asyncio.timeout(20):
            while len({partition_of("t", each) in partitions for each in self.waited_s}) < 2:
                sessions.append(f"before{len(sessions)}")
                await self.of(sessions[-1:])
        return sessions

    async def heard(self, sessions: list[str]) -> None:
        """Wait until each has its verdict."""

        async def all_of_them() -> bool:
            return self.waited_s.keys() >= set(sessions)

        await eventually(all_of_them, 20)


async def held_by(mesh: Mesh, address: str) -> set[int]:
    return {p for p, lease in (await mesh.leases.owners()).items() if lease.endpoint == address}


async def test_at_33_a_process_that_stands_still_is_noticed_and_replaced(mesh: Mesh) -> None:
    still, well = await mesh.start(), await mesh.start()
    everything = set(range(64))

    async def shared() -> bool:
        halves = [await held_by(mesh, address) for address in (still, well)]
        return min(map(len, halves)) > 10 and set.union(*halves) == everything

    await eventually(shared)
    load = Load(mesh)
    following = asyncio.create_task(load.lane.run())
    try:
        orphans = await held_by(mesh, still)
        before = await load.until_both_are_heard(orphans)
        meanwhile = [f"meanwhile{number}" for number in range(_SESSIONS)]
        playing = asyncio.create_task(load.of(meanwhile))
        mesh.processes[still].signal(signal.SIGSTOP)
        stopped_s = time.monotonic()
        async with asyncio.timeout(10):
            while not load.lane.troubles()["silent"]:
                await asyncio.sleep(0.005)
        noticed_s = time.monotonic() - stopped_s
        async with asyncio.timeout(15):
            while await held_by(mesh, well) != everything:
                await asyncio.sleep(0.01)
        moved_s = time.monotonic() - stopped_s
        await playing
        await load.heard(meanwhile)

        # It goes on as if nothing had been, finds that it is no longer asked, and takes its share.
        mesh.processes[still].signal(signal.SIGCONT)
        await eventually(shared)
        after = [f"after{number}" for number in range(20)]
        await load.of(after)
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following

    async def all_logged() -> bool:
        found = await emotions_in(mesh.log)
        return {each.session_id for each in found.values()} >= {*before, *meanwhile, *after}

    await eventually(all_logged)
    late = [
        load.waited_s[session] for session in meanwhile if partition_of("t", session) in orphans
    ]
    others = [
        load.waited_s[session] for session in meanwhile if partition_of("t", session) not in orphans
    ]
    assert late
    assert others
    print(
        f"noticed after {noticed_s:.2f} s, {load.lane.troubles()['ended']} leases ended early,"
        f" all partitions moved after {moved_s:.2f} s;"
        f" verdicts of its sessions: at most {max(late):.2f} s late,"
        f" of the others {max(others):.2f} s"
    )
    assert max(others) < min(2.0, max(late)), "whoever was not concerned waited too"
