"""The fast lane's link, against a detection process that fails at the worst moment."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import grpc.aio
import pytest
from sentientiq.detection.v1 import detection_service_pb2 as pb

import edge.lane
from edge.lane import FastLane, Link
from edge.writer import Appended
from services.common.auth import Principal
from services.common.ownership import Lease
from services.detection import servicer
from services.detection.emotions import EmotionWriter


class Failing:
    """A channel, its stub and a call in one: a write fails when told to, nothing else ends."""

    def __init__(self) -> None:
        self.writing = asyncio.Event()
        self.fail = asyncio.Event()

    def Detect(self) -> Failing:
        return self

    async def write(self, request: pb.DetectRequest) -> None:
        self.writing.set()
        await self.fail.wait()
        raise ConnectionError("broken")

    async def read(self) -> pb.DetectResponse:
        return await asyncio.Future()

    async def initial_metadata(self) -> None:
        await asyncio.Future()

    def cancel(self) -> None:
        """Nothing is under way."""

    async def close(self) -> None:
        """Nothing is held."""


class Slow(Failing):
    """Takes one message, and the others when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[pb.EncodedDetectRequest] = []
        self.go_on = asyncio.Event()

    async def write(self, request: Any) -> None:
        self.taken.append(request)
        self.writing.set()
        await self.go_on.wait()


def stand_in(detection: Failing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let links reach this one."""

    def open_detect(channel: Any, metadata: Any) -> Any:
        return channel.Detect()

    def connect_plain(endpoint: str) -> Any:
        return detection

    monkeypatch.setattr(edge.lane, "connect_plain", connect_plain)
    monkeypatch.setattr(edge.lane, "open_detect", open_detect)


def link_to(detection: Failing, monkeypatch: pytest.MonkeyPatch) -> Link:
    stand_in(detection, monkeypatch)
    return Link("a:1", "token", lambda response: None, on_sent=None, on_silent=lambda: None)


async def test_for_a_slow_detection_only_so_many_bytes_wait(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edge.lane, "_MAX_QUEUED_BYTES", 50_000)
    monkeypatch.setattr(edge.lane, "_MESSAGE_BYTES", 10_000)
    detection = Slow()
    link = link_to(detection, monkeypatch)
    link.send([pb.EncodedPartitionEntry(offset=1)])
    await detection.writing.wait()
    link.send([pb.EncodedPartitionEntry(offset=n, batches=[bytes(1_000)]) for n in range(2, 102)])
    detection.go_on.set()
    async with asyncio.timeout(5):
        while not detection.taken or detection.taken[-1].entries[-1].offset != 101:
            await asyncio.sleep(0)
    offsets = [entry.offset for request in detection.taken[1:] for entry in request.entries]
    assert offsets == list(range(offsets[0], 102))
    assert 45 < len(offsets) < 50
    assert link.counters["dropped"] == 100 - len(offsets)
    assert max(request.ByteSize() for request in detection.taken) < 12_000
    await link.close()


async def test_a_link_that_breaks_while_it_is_closed_ends(monkeypatch: pytest.MonkeyPatch):
    detection = Failing()
    link = link_to(detection, monkeypatch)
    link.send([pb.EncodedPartitionEntry(partition=1)])
    await detection.writing.wait()
    detection.fail.set()
    async with asyncio.timeout(5):
        await link.close()


class Deaf(Failing):
    """Takes what is written and never answers."""

    async def write(self, request: pb.DetectRequest) -> None:
        self.writing.set()


async def test_a_link_says_that_it_is_silent_before_it_is_given_up(monkeypatch: pytest.MonkeyPatch):
    stand_in(Deaf(), monkeypatch)
    told = asyncio.Event()
    link = Link("a:1", "token", lambda response: None, on_sent=None, on_silent=told.set)
    await asyncio.sleep(0)
    assert not link.silent
    link.send([pb.EncodedPartitionEntry(partition=1)])
    async with asyncio.timeout(5):
        await told.wait()
        assert (link.silent, link.counters["reopened"]) == (True, 0)
        while not link.counters["reopened"]:
            await asyncio.sleep(0.01)
    assert (link.silent, link.counters["silent"]) == (True, 1)
    await link.close()


class Restarting(servicer.DetectionServicer):
    """The real one, but that calls break while it is not `up`."""

    up = False

    async def Detect(self, _: Any, context: Any) -> None:
        if not self.up:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        await super().Detect(_, context)


async def test_a_link_that_is_served_again_is_silent_no_more_although_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(servicer, "principal", lambda: Principal("edge", "*", "mesh"))
    detection = Restarting(EmotionWriter(cast("Any", None)))
    server = grpc.aio.server()
    servicer.add_to_server(detection, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    told = asyncio.Event()
    link = Link(f"127.0.0.1:{port}", "t", lambda response: None, None, on_silent=told.set)
    async with asyncio.timeout(10):
        await told.wait()
        while link.counters["reopened"] < 2:
            await asyncio.sleep(0.01)
        assert link.silent
        detection.up = True
        while link.silent:
            await asyncio.sleep(0.01)
    await link.close()
    await server.stop(0)


class Leases:
    """A state store in which one process holds everything, and has not renewed it."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, list[int]]] = []

    async def owners(self) -> dict[int, Lease]:
        return {1: Lease("a:1", 1), 2: Lease("a:1", 1)}

    async def end_silent(self, endpoint: str, partitions: list[int]) -> int:
        self.ended.append((endpoint, partitions))
        return len(partitions)


@pytest.mark.parametrize("how", [Deaf, Failing])
async def test_leases_of_whoever_is_silent_or_gone_are_ended(
    monkeypatch: pytest.MonkeyPatch, how: type[Failing]
):
    detection, leases = how(), Leases()
    detection.fail.set()
    stand_in(detection, monkeypatch)
    lane = FastLane(cast("Any", leases), "token", lambda response: None)
    following = asyncio.create_task(lane.run())
    async with asyncio.timeout(5):
        while not lane.links:
            await asyncio.sleep(0.01)
        assert not leases.ended
        lane.send([Appended(1, 1, [b""], 0, 0)])
        while not leases.ended:
            await asyncio.sleep(0.01)
    assert leases.ended[0] == ("a:1", [1, 2])
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert lane.troubles()["ended"] >= 2
