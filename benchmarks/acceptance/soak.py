"""AT-21: does anything grow in an hour under a steady crowd that comes and goes.

Visitors play visit after visit, each on connections of its own, so whatever a connection or a
session leaves behind would pile up. What is held of a session is held for half an hour after it, so
memory can be level only after that: the slope is taken from then on, in a shorter run from its half
on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from benchmarks.acceptance.check import Check, Result, at_most, below, none, told, unjudged
from benchmarks.acceptance.given import describe
from benchmarks.acceptance.growth import Growth
from benchmarks.acceptance.meshes import mesh_up
from edge.protocol import Close

if TYPE_CHECKING:
    from benchmarks.acceptance.given import Given

PROCESSES: Final = (
    "edge", "detection", "identity", "intervention", "accountability", "pipeline",
)  # fmt: skip
PERCENT: Final = 1.0
"""Per ten minutes."""
LEVEL_AFTER_S: Final = 35 * 60.0
LEAST_S: Final = 20 * 60.0
"""Less than this of level time says nothing about a slope of one percent."""
SESSIONS: Final = 2_000
SAMPLES: Final = 200
_IDLE: Final = str(int(Close.TIMEOUT))
"""How the edge closes a page that has said nothing for half an hour."""


async def run(given: Given) -> Result:
    """Run it."""
    lasts_s = given.lasting(given.minutes * 60)
    load = replace(
        given.load(sessions=SESSIONS, active=0.5, seconds=lasts_s, witnesses=0),
        # The log is trimmed behind its readers long before the end.
        read_back=False,
    )
    level_after_s = min(LEVEL_AFTER_S, lasts_s / 2)
    level_s = lasts_s - level_after_s
    async with mesh_up(given.say) as running:
        growth = Growth(running.mesh, PROCESSES)

        async def follow(measured: float, until: float) -> None:
            await growth.follow(measured + level_after_s, until - 1.0, level_s / SAMPLES)

        ran = await running.run(load, during=follow)
    checks = [check for name in PROCESSES for check in _of_process(growth, name, level_s)]
    closed = ran.figures.closed
    idle = sum(count for why, count in closed.items() if why.startswith(_IDLE))
    checks += [
        none("closed before the end", sum(closed.values()) - idle),
        told("silent for half an hour, and closed for it", idle, ""),
        told("ack p99", ran.figures.ack_ms["p99"], "ms"),
    ]
    load_text = f"{describe(load)}, the last {level_s / 60:.1f} min looked at"
    return Result(load_text, checks, ran.figures.doubts())


def _of_process(growth: Growth, name: str, level_s: float) -> list[Check]:
    slope = below(
        f"{name}: memory", growth.percent_per_10_min(name, "memory"), PERCENT, "% per 10 min"
    )
    if level_s < LEAST_S:
        slope = unjudged(slope, "too short to judge")
    return [slope, *(_flat(growth, name, kind) for kind in ("files", "threads", "tasks"))]


def _flat(growth: Growth, name: str, kind: str) -> Check:
    """Whether the count at the end is what it was: the medians of the first and last fifth."""
    values = growth.held[name, kind]
    fifth = max(1, len(values) // 5)
    first, last = sorted(values[:fifth])[fifth // 2], sorted(values[-fifth:])[fifth // 2]
    low, high = growth.span(name, kind)
    check = at_most(f"{name}: {kind}, last fifth against first", last, first * 1.05 + 3, "")
    return replace(check, measured=f"{first:,.0f} → {last:,.0f} ({low:,.0f} to {high:,.0f})")
