"""A generator process: `python -m benchmarks.mesh.generator < plan.json`.

It says `ready` when its crowd is connected, begins to send at the time (epoch seconds) that it then
reads, and ends with what it found as JSON. Its samples go to a file of doubles.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import uvloop

from benchmarks.mesh.crowd import Crowd
from benchmarks.mesh.flat import HEAD, bodies
from benchmarks.mesh.plan import Plan, Told
from benchmarks.mesh.visitors import play

if TYPE_CHECKING:
    from array import array


_TURN_S: Final = 0.001
_LAST_ACKS_TURNS: Final = 100
_LAST_ACKS_TURN_S: Final = 0.05


async def _flat(crowd: Crowd, start: float, until: float) -> None:
    """Send at the plan's rate, page after page, whatever comes back."""
    plan = crowd.plan
    pages = crowd.pages[: max(1, round(len(crowd.pages) * plan.active))]
    pool = bodies(plan.events, plan.seed)
    turn, sent = 0, 0
    while True:
        now = time.time()
        if now >= until:
            return
        while (due := start + sent / plan.rate) <= now:
            page = pages[sent % len(pages)]
            body = pool[turn]
            turn = (turn + 1) % len(pool)
            sent += 1
            if page.closed is None:
                due_ms = due * 1000
                tail = body.tail(due_ms, first=page.seq == 0)
                crowd.send(page, HEAD, tail, due_ms, body.size)
        await asyncio.sleep(_TURN_S)


def _measured(
    samples: array[float], begin_ms: float
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    pairs = np.frombuffer(samples, dtype=np.float64).reshape(-1, 2)
    return pairs[pairs[:, 0] >= begin_ms]


async def _run(plan: Plan) -> Told:
    crowd = Crowd(plan)
    took_s = await crowd.open_all(plan.sessions)
    gc.collect()
    gc.disable()  # a collection would be lateness of our own
    print("ready", flush=True)
    line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    start = float(line)
    await asyncio.sleep(max(0.0, start - time.time()))
    until = start + plan.warm_s + plan.seconds
    before_warm = dict(crowd.counters)
    measuring = asyncio.get_running_loop().call_later(
        plan.warm_s, lambda: before_warm.update(crowd.counters)
    )
    if plan.rate:
        await _flat(crowd, start, until)
    elif plan.active:
        await play(crowd, start, until)
    else:
        await asyncio.sleep(until - time.time())
    measuring.cancel()
    frames = crowd.counters["frames"] - before_warm.get("frames", 0)
    events = crowd.counters["events"] - before_warm.get("events", 0)
    for _ in range(_LAST_ACKS_TURNS):
        if any(page.unacked for page in crowd.pages):
            await asyncio.sleep(_LAST_ACKS_TURN_S)
    for page in crowd.pages:
        crowd.close(page)
    begin_ms = (start + plan.warm_s) * 1000
    np.savez(
        Path(plan.samples),
        ack=_measured(crowd.acks, begin_ms),
        verdict=_measured(crowd.verdicts, begin_ms),
        late=np.frombuffer(crowd.late, dtype=np.float64)[-max(frames, 1) :],
    )
    await asyncio.sleep(0.2)
    return Told(
        sessions=plan.sessions,
        frames=crowd.counters["frames"],
        events=crowd.counters["events"],
        frames_measured=frames,
        events_measured=events,
        unacked=crowd.counters["unacked"],
        refused=crowd.counters["error"],
        closed=dict(crowd.ended),
        connect_s=round(took_s, 2),
        emotions=crowd.counters["emotion"],
        interventions=crowd.counters["intervention"],
        acked=crowd.acked,
    )


def main() -> None:
    """Read the plan, make the load, tell what came of it."""
    plan = Plan(**json.loads(sys.stdin.readline()))
    print(json.dumps(asdict(uvloop.run(_run(plan)))), flush=True)


if __name__ == "__main__":
    main()
