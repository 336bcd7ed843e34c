"""AT-20: what ten thousand sessions cost, idle and visiting, and how fast they come in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from benchmarks.acceptance.check import Result, at_least, at_most, none, told
from benchmarks.acceptance.given import describe
from benchmarks.acceptance.meshes import run_once

if TYPE_CHECKING:
    from benchmarks.acceptance.given import Given

KIB_PER_SESSION: Final = 24.0
ACCEPTS_PER_S: Final = 1_000.0
CORES: Final = 1.6
OFFERED_PER_S: Final = 5_000.0
"""More than is asked for: else the generators' own pace would be what is measured."""
SERVICES: Final = ("edge", "detection", "identity", "intervention")


async def run(given: Given) -> Result:
    """Run it."""
    load = replace(given.load(active=0.25), connect_per_s=OFFERED_PER_S)
    figures = (await run_once(load, given.say)).figures
    each, each_idle = figures.edge_bytes_per_session, figures.edge_bytes_per_idle_session
    assert each is not None
    assert each_idle is not None
    cores = sum(figures.cores[name] for name in SERVICES)
    checks = [
        at_most(
            "edge memory a session after traffic",
            each / 1024,
            KIB_PER_SESSION,
            "KiB",
        ),
        told("edge memory an idle session", each_idle / 1024, "KiB"),
        at_least("accepted", figures.sessions / figures.connect_s, ACCEPTS_PER_S, "/s"),
        at_most("edge, detection, identity, intervention", cores, CORES, "cores"),
        *(told(f"… {name}", figures.cores[name], "cores") for name in SERVICES),
        none("acknowledged and lost", figures.lost),
    ]
    return Result(describe(load), checks, figures.doubts())
