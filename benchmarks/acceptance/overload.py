"""AT-23: three times what the mesh can take, for a minute. What is taken, and how fast?

First the most that the mesh takes is looked for, by steps (`--most` gives it). Then a crowd sends
half of that, three times of that, half of it again. A page that is told `slow` sends nothing until
the time that it was told is over, as the SDK does: those frames are the ones that were shed, and
told so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from benchmarks.acceptance.check import Result, at_least, at_most, none, told
from benchmarks.acceptance.given import describe
from benchmarks.acceptance.meshes import mesh_up
from benchmarks.acceptance.surge import Surge, acked_per_s

if TYPE_CHECKING:
    from benchmarks.acceptance.given import Given
    from benchmarks.acceptance.meshes import Running

TIMES: Final = 3.0
BEFORE_SHARE: Final = 0.5
SURGE_S: Final = 60.0
CALM_S: Final = 20.0
"""Before the surge and after it."""
GOODPUT_SHARE: Final = 0.9
P99_MS: Final = 300.0
BACK_WITHIN_S: Final = 10.0
SESSIONS: Final = 2_000
FIRST_STEP: Final = 2_000
STEP: Final = 1.4
STEP_S: Final = 8.0
KEEPS_UP: Final = 0.95


async def run(given: Given) -> Result:
    """Run it."""
    async with mesh_up(given.say, apart=True) as running:
        most = given.most or await _most(running, given)
        surge_s = given.lasting(SURGE_S)
        load = given.load(sessions=SESSIONS, witnesses=0)
        load = replace(
            load, rate=BEFORE_SHARE * most, seconds=CALM_S + surge_s + CALM_S,
            surge=TIMES / BEFORE_SHARE, surge_after_s=load.warm_s + CALM_S, surge_s=surge_s,
        )  # fmt: skip
        given.say(f"{BEFORE_SHARE * most:,.0f}, then {TIMES * most:,.0f} frames/s")
        ran = await running.run(load)
    figures, surge = ran.figures, Surge.of(ran.timeline, CALM_S, surge_s)
    checks = [
        at_least("taken in the surge", surge.goodput, GOODPUT_SHARE * most, "frames/s"),
        told("… of", TIMES * most, "frames/s"),
        at_most("ack p99 of what was taken", surge.p99_ms, P99_MS, "ms"),
        told("… p50", surge.p50_ms, "ms"),
        told("shed, the page told when to go on", figures.held, "frames"),
        none("neither taken nor told", figures.unacked),
        none("connections closed", sum(figures.closed.values())),
        none("acknowledged and lost", figures.lost),
        at_most("normal again after", surge.back_s, BACK_WITHIN_S, "s"),
    ]
    text = f"{describe(load)}, {TIMES * most:,.0f} frames/s for {surge_s:.0f} s of them"
    return Result(text, checks, figures.disturbed())


async def _most(running: Running, given: Given) -> float:
    """The most frames a second that are acknowledged, however many are sent."""
    best, rate = 0.0, float(given.count(FIRST_STEP))
    while True:
        load = given.load(sessions=SESSIONS, seconds=STEP_S, witnesses=0)
        ran = await running.run(replace(load, rate=rate))
        taken, p99 = acked_per_s(ran.timeline, 0.0, load.seconds), ran.figures.ack_ms["p99"]
        given.say(f"{rate:,.0f} frames/s: {taken:,.0f} taken, ack p99 {p99} ms")
        best = max(best, taken)
        if taken < KEEPS_UP * rate or p99 > P99_MS:
            return best
        rate *= STEP
