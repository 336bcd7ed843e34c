"""Frames of a plain rate, mixed as `benchmarks/mix.json` says."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.kernel import load
from benchmarks.mesh.returning import Returning
from hotpath.events import EventKind

if TYPE_CHECKING:
    from benchmarks.mesh.crowd import Crowd

POOL: Final = 1_024
_NO_CONTROL: Final = 4
"""Among the targets: a part of the page that cannot be pressed."""
HEAD: Final = '{"type":"events","seq":'
"""What stands before the seq of a frame."""
TARGETS: Final = json.dumps([[number, *rest] for number, rest in load.TARGETS.items()]).replace(
    " ", ""
)
_TURN_S: Final = 0.001


class Body(NamedTuple):
    """The events of a frame, and what its other fields depend on."""

    events: str
    span_ms: int
    """From the first event to the last."""
    size: int
    """Events."""

    def tail(self, due_ms: float, *, first: bool) -> str:
        """What stands after the seq; a connection's first frame brings its targets."""
        targets = f'"targets":{TARGETS},' if first else ""
        return f',"t0":{due_ms - self.span_ms:.1f},{targets}"events":{self.events}}}'


def _calm(event: list[object], place: int) -> list[object]:
    """The event as somebody has it who feels nothing: random scrolling is a hunt, a field that is
    entered again and again is doubt, and so is a link that is rested on and left. Everybody would
    feel something every two minutes; with a quarter of those rests it is about once an hour.
    """
    kind, dt = event[0], event[1]
    if kind == EventKind.SCROLL:
        return [kind, dt, 10 * place, 2400]
    if kind == EventKind.HOVER and int(str(dt)) % 4:
        return [kind, dt, _NO_CONTROL, *event[3:]]
    if kind in (EventKind.FOCUS, EventKind.BLUR, EventKind.INPUT):
        return [int(EventKind.RESIZE), dt, 1280, 720]
    return event


def bodies(events: int, seed: int) -> list[Body]:
    """Return a pool of frames of so many events each."""
    pool = load.wire_batches(seed, POOL, dead=0)  # who is in rage is a witness
    found: list[Body] = []
    for start in range(POOL):
        frame: list[list[object]] = []
        while len(frame) < events:
            frame += pool[(start + len(frame)) % POOL]
        del frame[events:]
        frame = [_calm(event, place) for place, event in enumerate(frame)]
        span_ms = sum(int(str(event[1])) for event in frame[1:])
        found.append(Body(json.dumps(frame, separators=(",", ":")), span_ms, events))
    return found


async def play(crowd: Crowd, pool: list[Body], start: float, until: float) -> None:
    """Send at the plan's rate, page after page, whatever comes back."""
    plan = crowd.plan
    pages = crowd.pages[: max(1, round(len(crowd.pages) * plan.active))]
    returning = Returning(crowd, pages) if plan.returns else None
    due, sent = start, 0
    while (now := time.time()) < until:
        while due <= now:
            page = pages[sent % len(pages)]
            if page.closed is None:
                body, due_ms = pool[sent % len(pool)], due * 1000
                if not crowd.holds(page, due_ms):
                    tail = body.tail(due_ms, first=page.seq == 0)
                    crowd.send(page, HEAD, tail, due_ms, body.size)
            elif returning is not None:
                returning.bring_back(sent % len(pages))
            sent += 1
            due += 1 / plan.rate_at(due - start)
        await asyncio.sleep(_TURN_S)
    if returning is not None:
        await returning.stop()
