"""AT-13: fifty thousand events a second into one detection process over a few streams.

As `benchmarks service`, but open loop: two edge workers, each with its one stream
(`edge/lane.py`), send one request every 10 ms, turn about, of the sessions of their own partitions,
and latency counts from that moment until the answer.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Final

import click
from sentientiq.detection.v1 import detection_service_pb2 as pb

from benchmarks.acceptance.check import Result, at_least, at_most, told
from benchmarks.kernel.load import BATCH
from benchmarks.service.command import Load, open_detect
from benchmarks.service.detection import running
from cli.quantiles import summary
from services.common.auth import make_token
from services.common.rpc.client import Duplex, connect_plain

if TYPE_CHECKING:
    from benchmarks.acceptance.given import Given

EVENTS_PER_S: Final = 50_000
STREAMS: Final = 2
"""At most 16 are asked for."""
TICK_S: Final = 0.010
CORES: Final = 0.40
P99_MS: Final = 5.0
SESSIONS: Final = 10_000
WARM_S: Final = 2.0


async def run(given: Given) -> Result:
    """Run it."""
    rate, seconds = given.count(EVENTS_PER_S), given.lasting(20.0)
    ticks = round((WARM_S + seconds) / TICK_S)
    cores = sorted(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores[0]})
    try:
        async with running(cores[-1]) as detection:
            given.say("encoding the requests")
            bodies, events = _requests(detection.epochs, rate, ticks)
            given.say(f"sending for {seconds:.0f} s")
            token = make_token(detection.secret, subject="benchmark")
            async with connect_plain(detection.address) as channel:
                calls = [open_detect(channel, token) for _ in range(STREAMS)]
                start = time.time() + 0.2
                streams = [
                    _Stream(call, requests, start + number * TICK_S / STREAMS)
                    for number, (call, requests) in enumerate(zip(calls, bodies, strict=True))
                ]
                playing = asyncio.gather(*(stream.play() for stream in streams))
                await asyncio.sleep(start + WARM_S - time.time())
                own_s, its_s, began = time.process_time(), detection.cpu_s(), time.time()
                await playing
                took_s = time.time() - began
                own = (time.process_time() - own_s) / took_s
                its = (detection.cpu_s() - its_s) / took_s
                for call in calls:
                    call.cancel()
    finally:
        os.sched_setaffinity(0, before)
    latency = summary([ms for stream in streams for ms in stream.latency_ms])
    late = summary([ms for stream in streams for ms in stream.late_ms])
    checks = [
        at_most("detection and the sender, of a core", its + own, CORES, "cores"),
        told("… detection", its, "cores"),
        told("… sender", own, "cores"),
        at_most("batch answered p99", latency["p99"], P99_MS, "ms"),
        told("batch answered p50", latency["p50"], "ms"),
        told("batch answered max", latency["max"], "ms"),
        at_least("sent", events / (ticks * TICK_S), 0.98 * rate, "events/s"),
    ]
    doubts = [f"requests went out {late['p99']:.0f} ms (p99) late"] if late["p99"] > P99_MS else []
    load = f"{rate:,} events/s over {STREAMS} streams, {SESSIONS:,} sessions, {seconds:.0f} s"
    return Result(load, checks, doubts)


def _requests(epochs: dict[int, int], rate: int, ticks: int) -> tuple[list[list[bytes]], int]:
    """The requests of each stream, tick by tick, and how many events they hold."""
    bodies: list[list[bytes]] = []
    held = 0
    batches_a_tick = rate * TICK_S / BATCH / STREAMS
    for number in range(STREAMS):
        made = Load(epochs, SESSIONS, partitions=set(range(number, 64, STREAMS)))
        requests: list[bytes] = []
        sent = 0
        for tick in range(ticks):
            batches = round((tick + 1) * batches_a_tick) - sent
            sent += batches
            one, events = made.requests(1, batches, together=False)
            requests += one
            held += events
        bodies.append(requests)
    return bodies, held


class _Stream:
    """One Detect stream: sends on time, whatever comes back."""

    def __init__(self, call: Duplex, requests: list[bytes], start: float) -> None:
        self.latency_ms: list[float] = []
        """Of those after the warm-up."""
        self.late_ms: list[float] = []
        self._call = call
        self._requests = requests
        self._start = start
        self._due: deque[float] = deque()

    async def play(self) -> None:
        """Send all and wait for the answers."""
        reading = asyncio.create_task(self._read())
        for tick, request in enumerate(self._requests):
            due = self._start + tick * TICK_S
            await asyncio.sleep(max(0.0, due - time.time()))
            self.late_ms.append((time.time() - due) * 1000)
            self._due.append(due)
            await self._call.write(request)
        await reading

    async def _read(self) -> None:
        answered = 0
        while answered < len(self._requests):
            response = await self._call.read()
            now = time.time()
            if any(r.status != pb.PARTITION_STATUS_APPLIED for r in response.results):
                raise click.ClickException(f"an entry was not applied: {response.results}")
            for _ in range(response.answered):
                due = self._due.popleft()
                if due >= self._start + WARM_S:
                    self.latency_ms.append((now - due) * 1000)
            answered += response.answered
