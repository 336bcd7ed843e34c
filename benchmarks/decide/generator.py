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
from typing import Any, cast

import grpc.aio
import uvloop
from grpc_health.v1 import health_pb2
from sentientiq.intervention.v1 import intervention_service_pb2 as pb

from benchmarks.decide import rules
from cli.quantiles import summary

_LEAD_S = 0.5
_METHODS = {
    "decide": "/sentientiq.intervention.v1.InterventionService/Decide",
    "empty": "/grpc.health.v1.Health/Check",
}


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Send for some seconds and return latencies in ms."""
    channel = grpc.aio.insecure_channel(plan["address"])
    call = cast("Any", channel).unary_unary(_METHODS[plan["method"]])
    metadata = (("authorization", f"Bearer {plan['token']}"),)
    rate, count = plan["rps"], round(plan["rps"] * plan["seconds"])
    await channel.channel_ready()
    start_s = rules.now_s() + _LEAD_S + count * 60e-6
    bodies = _bodies(plan, count, start_s)
    gc.collect()
    gc.freeze()
    start, before_s = time.perf_counter() + max(0.0, start_s - rules.now_s()), time.process_time()
    latencies: list[float] = []
    late: list[float] = []
    failed = 0
    reasons: dict[str, int] = {}

    async def one(due: float, body: bytes) -> None:
        nonlocal failed
        try:
            answer = await call(body, metadata=metadata, timeout=5)
        except grpc.aio.AioRpcError:
            failed += 1
        else:
            if plan["method"] == "decide":
                reason = pb.DecideResponse.FromString(answer).decision.reason
                reasons[reason] = reasons.get(reason, 0) + 1
        latencies.append((time.perf_counter() - due) * 1000)

    under_way: set[asyncio.Task[None]] = set()
    for number, body in enumerate(bodies):
        due = start + number / rate
        wait_s = due - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        late.append((time.perf_counter() - due) * 1000)
        task = asyncio.create_task(one(due, body))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    took_s = time.perf_counter() - start
    await channel.close()
    return {
        "rps": round(count / took_s),
        "ms": summary(latencies),
        "late_ms": summary(late),
        "cpu_s": time.process_time() - before_s,
        "failed": failed,
        "reasons": reasons,
    }


def _bodies(plan: dict[str, Any], count: int, start_s: float) -> list[bytes]:
    if plan["method"] == "empty":
        return [health_pb2.HealthCheckRequest().SerializeToString()] * count
    made = rules.requests(plan["tenant"], plan["rules"], plan["seed"])
    return [rules.felt(next(made), start_s + number / plan["rps"]) for number in range(count)]


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.load(sys.stdin)))))
