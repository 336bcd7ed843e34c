"""Calls in a process of its own, open loop: `python -m benchmarks.identity.caller < plan.json`."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import uvloop
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from benchmarks.identity.fill import TENANT, session_of
from benchmarks.mesh.usage import cpu_s
from services.common.auth import make_token
from services.common.channels import connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EMPTY: Final = "empty"
"""GetSealingKey: 32 bytes that need no look at anything."""
KEPT: Final = "kept"
"""Resolve of sessions that are live: the same ones again and again."""
STORE: Final = "store"
"""Resolve past what is kept, of any session: what a first call costs."""
_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to call."""

    address: str
    secret: str
    pid: int
    """The server's process, whose processor time is read."""
    identities: int
    live: int
    rps: float
    seconds: float
    rounds: int
    seed: int = 1


@dataclass(slots=True)
class Called:
    """What came of one kind of call."""

    calls: int = 0
    failed: int = 0
    cpu_s: float = 0.0
    latency_ms: list[float] = field(default_factory=list[float])
    """From the moment that a call was meant to go out."""


async def _play(plan: Plan) -> dict[str, Called]:
    channel = connect(plan.address, make_token(plan.secret, subject="bench"))
    past = connect(plan.address, make_token(plan.secret, subject="bench", role="operator"))
    stub, past_stub = IdentityServiceStub(channel), IdentityServiceStub(past)
    rng = random.Random(plan.seed)
    live = [session_of(rng.randrange(plan.identities)) for _ in range(plan.live)]

    async def resolve(which: Any, session: str) -> None:
        await which.Resolve(pb.ResolveRequest(tenant_id=TENANT, session_id=session))

    kinds: dict[str, Callable[[], Awaitable[Any]]] = {
        EMPTY: lambda: stub.GetSealingKey(pb.GetSealingKeyRequest()),
        KEPT: lambda: resolve(stub, rng.choice(live)),
        STORE: lambda: resolve(past_stub, session_of(rng.randrange(plan.identities))),
    }
    # The live ones are known once before anything is measured.
    for start in range(0, len(live), 100):
        await asyncio.gather(*(resolve(stub, session) for session in live[start : start + 100]))
    found = {kind: Called() for kind in kinds}
    for _ in range(plan.rounds):
        for kind, call in kinds.items():
            rps = plan.rps / 10 if kind == STORE else plan.rps
            await _phase(plan, call, found[kind], rps)
    await channel.close()
    await past.close()
    return found


async def _phase(plan: Plan, call: Callable[[], Awaitable[Any]], found: Called, rps: float) -> None:
    """Call at an even rate for a while, whether the answers come or not."""
    await asyncio.sleep(0.2)
    before, begin = cpu_s(plan.pid), time.perf_counter()

    async def one(meant: float) -> None:
        try:
            await asyncio.wait_for(call(), _WITHIN_S)
        except Exception as error:  # whatever it was, it is an answer that did not come
            found.failed += 1
            print(error, file=sys.stderr)
        found.latency_ms.append((time.perf_counter() - meant) * 1000)

    async with asyncio.TaskGroup() as tasks:
        for number in range(round(rps * plan.seconds)):
            meant = begin + number / rps
            if (ahead := meant - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            tasks.create_task(one(meant))
            found.calls += 1
    found.cpu_s += cpu_s(plan.pid) - before


def main() -> None:
    """Read the plan, call, tell what came of it."""
    plan = Plan(**json.loads(sys.stdin.readline()))
    found = uvloop.run(_play(plan))
    print(json.dumps({kind: asdict(called) for kind, called in found.items()}), flush=True)


if __name__ == "__main__":
    main()
