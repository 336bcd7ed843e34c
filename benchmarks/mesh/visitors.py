"""Simulated visitors as the crowd: each plays visit after visit, paced as the SDK paces."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from benchmarks.mesh.flat import HEAD
from benchmarks.visitors import generate
from cli.replay.frames import Frame, frames_of
from hotpath.recording import Reader

if TYPE_CHECKING:
    from benchmarks.mesh.crowd import Crowd
    from benchmarks.mesh.socket import PageSocket

VISITS: Final = 200
_SPREAD_S: Final = 20.0
"""Over how long the first visits begin: inside the warm-up, so that all are under way after it."""


class Sent(NamedTuple):
    """One frame of a visit, ready but for its seq and time."""

    after_ms: int
    """From the visit's beginning until the SDK sends it."""
    span_ms: int
    stream: str
    rest: str
    events: int


def visits(seed: int) -> list[list[Sent]]:
    """Return simulated visits, cut into frames where the SDK would cut them."""
    found: list[list[Sent]] = []
    for visit in generate(seed, VISITS):
        lines = [json.dumps(line).encode() for line in visit.lines]
        frames = [frame for batch in Reader(lines, visit.session) for frame in frames_of(batch)]
        frames = [part for frame in frames if frame.kind == "events" for part in frame.halves()]
        frames.sort(key=lambda frame: frame.due_ms)
        start_ms = frames[0].t0_ms if frames else 0
        found.append([_sent(frame, start_ms) for frame in frames])
    return [visit for visit in found if visit]


def _sent(frame: Frame, start_ms: int) -> Sent:
    fields: dict[str, object] = {"targets": frame.targets, "events": frame.events}
    if frame.page:
        fields["page"] = frame.page
    rest = json.dumps(fields, separators=(",", ":"))
    return Sent(
        frame.due_ms - start_ms, frame.due_ms - frame.t0_ms, frame.stream, rest, len(frame.events)
    )


async def play(crowd: Crowd, pool: list[list[Sent]], start: float, until: float) -> None:
    """Keep the plan's share of sessions visiting until the end."""
    pages = crowd.pages
    active = pages[: round(len(pages) * crowd.plan.active)]
    rng = np.random.default_rng([crowd.plan.seed, crowd.plan.number])
    begins = start + rng.uniform(0, _SPREAD_S, len(active))
    async with asyncio.TaskGroup() as group:
        for place, page in enumerate(active):
            group.create_task(_visitor(crowd, page, pool, place, float(begins[place]), until))


async def _visitor(
    crowd: Crowd, page: PageSocket, pool: list[list[Sent]], turn: int, at: float, until: float
) -> None:
    """One place in the crowd: visits one after the other, a connection for each page instance."""
    stream = ""
    while at < until:
        due = at
        for frame in pool[turn % len(pool)]:
            due = at + frame.after_ms / 1000
            if due >= until:
                return
            await asyncio.sleep(max(0.0, due - time.time()))
            if stream not in ("", frame.stream):
                crowd.leave(page)
                page = await crowd.open(session=page.session, resume=page.resume)
            stream = frame.stream
            due_ms = due * 1000
            tail = f',"t0":{due_ms - frame.span_ms:.1f},{frame.rest[1:]}'
            crowd.send(page, HEAD, tail, due_ms, frame.events)
        at = due + 1.0
        turn += 7
        stream = ""
        crowd.leave(page)
        page = await crowd.open()
