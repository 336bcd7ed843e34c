"""A generator process: `python -m benchmarks.mesh.generator < plan.json`.

It says `ready` when its crowd is connected, begins to send at the time (epoch seconds) that it then
reads, and says `told` when what it found is in a file of JSON, and its samples in one of doubles.
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

from benchmarks.mesh import flat, visitors
from benchmarks.mesh.crowd import Crowd
from benchmarks.mesh.plan import Plan, Told

if TYPE_CHECKING:
    from array import array


_LAST_ACKS_TURNS: Final = 100
_LAST_ACKS_TURN_S: Final = 0.05


def _measured(
    samples: array[float], begin_ms: float
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    pairs = np.frombuffer(samples, dtype=np.float64).reshape(-1, 2)
    return pairs[pairs[:, 0] >= begin_ms]


async def _run(plan: Plan) -> Told:
    # Seconds of work: not after the start, when frames would be late for it.
    bodies = flat.bodies(plan.events, plan.seed) if plan.rate else []
    visits = visitors.visits(plan.seed + plan.number) if plan.active and not plan.rate else []
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

    def measure() -> None:
        before_warm.update(crowd.counters)
        crowd.stop_reading()

    measuring = asyncio.get_running_loop().call_later(plan.warm_s, measure)
    if plan.rate:
        await flat.play(crowd, bodies, start, until)
    elif plan.active:
        await visitors.play(crowd, visits, start, until)
    else:
        await asyncio.sleep(until - time.time())
    measuring.cancel()
    frames = crowd.counters["frames"] - before_warm.get("frames", 0)
    events = crowd.counters["events"] - before_warm.get("events", 0)
    for _ in range(_LAST_ACKS_TURNS):
        if any(page.unacked for page in crowd.pages if not page.deaf):
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
        held=crowd.counters["held"],
        refused=crowd.counters["error"],
        closed=dict(crowd.ended),
        deaf_closed=crowd.counters["deaf_closed"],
        connect_s=round(took_s, 2),
        emotions=crowd.counters["emotion"],
        interventions=crowd.counters["intervention"],
        acked=crowd.acked,
    )


def main() -> None:
    """Read the plan, make the load, tell what came of it."""
    plan = Plan(**json.loads(sys.stdin.readline()))
    told = uvloop.run(_run(plan))
    # Hundreds of kilobytes, which have once come cut through the pipe.
    plan.told_file.write_text(json.dumps(asdict(told)))
    print("told", flush=True)


if __name__ == "__main__":
    main()
