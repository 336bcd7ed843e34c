"""AT-10: how long from what tips rage until it is known, under ten thousand live sessions.

The row says 10,000 events a second, the remark above its table 10,000 frames and 100,000 events:
both are run. Latency is taken where the page hears of it, so the way back through the edge is in
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.acceptance.check import Check, Result, below, none, told
from benchmarks.acceptance.given import describe
from benchmarks.acceptance.meshes import run_once

if TYPE_CHECKING:
    from benchmarks.acceptance.given import Given
    from benchmarks.mesh.run import Load

FRAMES_PER_S: Final = (1_000, 10_000)
P99_MS: Final = 50.0
P999_MS: Final = 100.0


async def run(given: Given) -> Result:
    """Run it."""
    checks: list[Check] = []
    loads: list[str] = []
    doubts: list[str] = []
    for rate in FRAMES_PER_S:
        load = given.load(rate=rate, seconds=600.0, witnesses=200)
        figures = (await run_once(load, given.say)).figures
        name = f"{figures.events_per_s:,} events/s"
        checks += [
            below(f"{name}: detection p99", figures.detect_ms["p99"], P99_MS, "ms"),
            below(f"{name}: detection p99.9", figures.detect_ms["p999"], P999_MS, "ms"),
            told(f"{name}: detection p50", figures.detect_ms["p50"], "ms"),
            told(f"{name}: ack p99", figures.ack_ms["p99"], "ms"),
            none(f"{name}: {_lost(load)}", figures.lost),
        ]
        loads.append(describe(load))
        doubts += figures.doubts()
    return Result("; ".join(loads), checks, doubts)


def _lost(load: Load) -> str:
    return "acknowledged and lost" if load.read_back else "lost by witnesses"
