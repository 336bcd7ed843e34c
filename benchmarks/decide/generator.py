"""The load, in a process of its own: `python -m benchmarks.decide.generator` (plan on stdin).

Open loop: each call has a moment at which it is meant to go out, and its latency counts from that
moment, whenever it really went out. Requests are made before the clock starts.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from typing import Any

import uvloop
from grpc_health.v1 import health_pb2
from sentientiq.intervention.v1 import intervention_service_pb2 as pb

from benchmarks.decide import rules
from benchmarks.decide.wire import Calls
from cli.quantiles import summary

_LEAD_S = 0.5
_PATIENCE_S = 5.0
_METHODS = {
    "decide": "/sentientiq.intervention.v1.InterventionService/Decide",
    "empty": "/grpc.health.v1.Health/Check",
}


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Send for some seconds and return latencies in ms."""
    rate, count = plan["rps"], round(plan["rps"] * plan["seconds"])
    answers = _Answers(count)
    host, _, port = plan["address"].rpartition(":")
    _, calls = await asyncio.get_running_loop().create_connection(
        lambda: Calls(_METHODS[plan["method"]], plan["address"], plan["token"], answers.take),
        host, int(port),
    )  # fmt: skip
    start_s = rules.now_s() + _LEAD_S + count * 60e-6
    bodies = _bodies(plan, count, start_s)
    gc.collect()
    gc.freeze()
    start, before_s = time.perf_counter() + max(0.0, start_s - rules.now_s()), time.process_time()
    late: list[float] = []
    for number, body in enumerate(bodies):
        due = start + number / rate
        wait_s = due - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        late.append((time.perf_counter() - due) * 1000)
        calls.call(body)
    ends = [answers.all, calls.lost]
    await asyncio.wait(ends, timeout=_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    took_s, spent_s = time.perf_counter() - start, time.process_time() - before_s
    calls.close()
    missing = [number for number, at in enumerate(answers.at_s) if not at]
    for number in missing:
        answers.at_s[number] = start + number / rate + _PATIENCE_S
    return {
        "rps": round(count / took_s),
        "ms": summary([(at - start - n / rate) * 1000 for n, at in enumerate(answers.at_s)]),
        "late_ms": summary(late),
        "cpu_s": spent_s,
        "failed": answers.failed + len(missing),
        "reasons": _reasons(answers.bodies) if plan["method"] == "decide" else {},
    }


class _Answers:
    """When each call was answered, and with what."""

    def __init__(self, count: int) -> None:
        self.at_s = [0.0] * count
        self.bodies: list[bytes] = []
        self.failed = 0
        self._left = count
        self.all: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, number: int, body: bytes, well: bool) -> None:
        """Note an answer; what it says is looked at later, when nobody waits."""
        self.at_s[number] = time.perf_counter()
        if well:
            self.bodies.append(body)
        else:
            self.failed += 1
        self._left -= 1
        if not self._left:
            self.all.set_result(None)


def _reasons(bodies: list[bytes]) -> dict[str, int]:
    return dict(Counter(pb.DecideResponse.FromString(body).decision.reason for body in bodies))


def _bodies(plan: dict[str, Any], count: int, start_s: float) -> list[bytes]:
    if plan["method"] == "empty":
        return [health_pb2.HealthCheckRequest().SerializeToString()] * count
    made = rules.requests(plan["tenant"], plan["rules"], plan["seed"])
    return [rules.felt(next(made), start_s + number / plan["rps"]) for number in range(count)]


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.load(sys.stdin)))))
