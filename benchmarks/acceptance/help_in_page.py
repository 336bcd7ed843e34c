"""AT-11: from a press in the page until help is in the page, near and over a bad network.

The bad network is a proxy before the edge that only the measured visitors go through: each piece of
data takes 60 ± 20 ms each way, and one in a hundred 200 ms more, as one that was lost and sent
again. The bound there is the plain one and what two ways take without any trouble: 120 ms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from benchmarks.acceptance.check import Check, Result, at_least, below, none, told
from benchmarks.acceptance.given import describe
from benchmarks.acceptance.meshes import mesh_up
from tests.engines.fault_proxy import Way, fault_proxy

if TYPE_CHECKING:
    from benchmarks.acceptance.given import Given
    from benchmarks.acceptance.meshes import Ran

P99_MS: Final = 300.0
LATENCY_S: Final = 0.060
JITTER_S: Final = 0.020
STALL_SHARE: Final = 0.01
STALL_S: Final = 0.200
RTT_MS: Final = 2 * LATENCY_S * 1000


async def run(given: Given) -> Result:
    """Run it."""
    load = given.load(rate=1_000, witnesses=300)
    async with mesh_up(given.say) as running:
        near = await running.run(load)
        there = urlsplit(running.mesh.urls["ws"])
        async with fault_proxy((str(there.hostname), int(there.port or 0))) as proxy:
            proxy.up, proxy.down = _bad(), _bad()
            target = replace(await running.target(), witnesses_url=f"ws://127.0.0.1:{proxy.port}")
            far = await running.run(load, target=target)
    checks = _checks("loopback", near, P99_MS) + _checks(
        "60±20 ms, 1 % stalls", far, P99_MS + RTT_MS
    )
    checks.append(at_least("connections through the proxy", proxy.connections, load.witnesses, ""))
    doubts = near.figures.doubts() + far.figures.doubts()
    return Result(describe(load), checks, doubts)


def _bad() -> Way:
    return Way(latency_s=LATENCY_S, jitter_s=JITTER_S, stall_share=STALL_SHARE, stall_s=STALL_S)


def _checks(where: str, ran: Ran, bound_ms: float) -> list[Check]:
    found = ran.figures.intervention_ms
    assert found is not None
    return [
        below(f"{where}: press to help p99", found["p99"], bound_ms, "ms"),
        told(f"{where}: press to help p50", found["p50"], "ms"),
        told(f"{where}: press to help max", found["max"], "ms"),
        none(f"{where}: lost", ran.figures.lost),
    ]
