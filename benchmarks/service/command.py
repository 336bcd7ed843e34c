"""`python -m benchmarks service`: how many events a second detection takes in over gRPC."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Container, Mapping
from typing import Final

import click
from sentientiq.detection.v1 import detection_service_pb2 as pb

from benchmarks.kernel import load
from benchmarks.service.detection import running
from services.common.auth import make_token
from services.common.channels import bearer
from services.common.partition import partition_of
from services.common.rpc.client import Channel, Duplex, connect_plain

SESSIONS: Final = 4_000
"""As many as a partition holds: `together` has them all in one."""
REQUESTS: Final = 1_000
ROUNDS: Final = 5
WINDOW: Final = 64
"""Requests under way at a time."""
DETECT: Final = "/sentientiq.detection.v1.DetectionService/Detect"


class Load:
    """Requests, encoded before anything is measured, as the edge's lane sends them."""

    def __init__(
        self, epochs: Mapping[int, int], sessions: int, partitions: Container[int] = range(64)
    ) -> None:
        """`epochs` by partition; of the sessions, those of some partitions."""
        self._epochs = epochs
        self._pool = load.batches()
        self._who = [
            (session, stream)
            for session, stream in load.names(sessions)
            if partition_of("tenant", session) in partitions
        ]
        self._offsets: Counter[int] = Counter()
        self._turn = 0

    def requests(self, count: int, batches: int, *, together: bool) -> tuple[list[bytes], int]:
        """Return `count` requests of so many batches, and how many events they hold.

        together: all batches of a request in one entry; else in those of their partitions.
        """
        found: list[bytes] = []
        events = 0
        for _ in range(count):
            entries: dict[int, list[bytes]] = {}
            for _ in range(batches):
                number, turn = self._turn % len(self._who), self._turn // len(self._who)
                session, stream = self._who[number]
                batch = self._pool[(self._turn * 31) % load.POOL]
                blob = load.encode(
                    batch, session, stream, 1 + turn, load.T0_MS + turn * load.STEP_MS
                )
                events += batch.events
                self._turn += 1
                entries.setdefault(0 if together else partition_of("tenant", session), []).append(
                    blob
                )
            found.append(self._encode(entries))
        return found, events

    def _encode(self, entries: dict[int, list[bytes]]) -> bytes:
        self._offsets.update(list(entries))
        request = pb.EncodedDetectRequest(
            entries=[
                pb.EncodedPartitionEntry(
                    partition=partition,
                    epoch=self._epochs[partition],
                    offset=self._offsets[partition],
                    batches=batches,
                )
                for partition, batches in entries.items()
            ]
        )
        return request.SerializeToString()


def open_detect(channel: Channel, token: str) -> Duplex:
    """Open the stream as the edge does, for requests that are encoded already."""
    return channel.stream_stream(DETECT, bytes, pb.DetectResponse.FromString)(bearer(token))


async def _send(call: Duplex, requests: list[bytes]) -> None:
    """Send all, WINDOW under way at a time, until each is answered."""
    room = asyncio.Semaphore(WINDOW)

    async def write() -> None:
        for request in requests:
            await room.acquire()
            await call.write(request)

    writing = asyncio.create_task(write())
    answered = 0
    while answered < len(requests):
        response = await call.read()
        if any(r.status != pb.PARTITION_STATUS_APPLIED for r in response.results):
            raise click.ClickException(f"an entry was not applied: {response.results}")
        answered += response.answered
        for _ in range(response.answered):
            room.release()
    await writing


async def measure(
    sessions: int = SESSIONS, requests: int = REQUESTS, rounds: int = ROUNDS
) -> dict[str, float]:
    """Return the rates, medians over rounds, by shape of the requests."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    found: dict[str, float] = {}
    async with running(cores[-1]) as detection:
        made = Load(detection.epochs, sessions)
        token = make_token(detection.secret, subject="benchmark")
        async with connect_plain(detection.address) as channel:
            call = open_detect(channel, token)
            first, _ = made.requests(sessions // 50 + 1, 50, together=False)
            await _send(call, first)
            for name, batches, together in (
                ("50x10", 50, False), ("50x10_together", 50, True), ("5x10", 5, False),
                ("empty", 0, False),
            ):  # fmt: skip
                wall: list[float] = []
                cpu: list[float] = []
                each: list[float] = []
                for _ in range(rounds):
                    bodies, events = made.requests(requests, batches, together=together)
                    cpu_s, began_s = detection.cpu_s(), time.perf_counter()
                    await _send(call, bodies)
                    wall.append(events / (time.perf_counter() - began_s))
                    took_s = detection.cpu_s() - cpu_s
                    cpu.append(events / took_s)
                    each.append(took_s * 1e6 / len(bodies))
                found[f"cpu_us_request_{name}"] = round(sorted(each)[rounds // 2])
                if not batches:
                    continue
                found[f"events_per_s_{name}"] = round(sorted(wall)[rounds // 2])
                found[f"events_per_cpu_s_{name}"] = round(sorted(cpu)[rounds // 2])
            call.cancel()
    return found


@click.command("service")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
@click.option("--sessions", default=SESSIONS, show_default=True, help="Sessions held.")
@click.option("--requests", default=REQUESTS, show_default=True, help="Requests of a round.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="Rounds; the median is quoted.")
def command(as_json: bool, sessions: int, requests: int, rounds: int) -> None:
    """Measure how many events a second one detection process on one core takes in over gRPC."""
    result = asyncio.run(measure(sessions, requests, rounds))
    for name, value in result.items():
        click.echo(f"{name:32} {value:12,.0f}", err=True)
    if as_json:
        click.echo(json.dumps(result))


if __name__ == "__main__":
    command()
