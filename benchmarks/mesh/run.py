"""One run: crowd and witnesses against a mesh, from provisioning to the figures."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.mesh import logged
from benchmarks.mesh.generators import Generators
from benchmarks.mesh.plan import Plan
from benchmarks.mesh.report import Found
from benchmarks.mesh.usage import Usage, rss_bytes
from cli import mesh
from cli.smoke.run import Run
from cli.tenants import open_tenants

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cli.smoke.verdict import Verdict

During = Callable[[float, float], Awaitable[None]]

_AHEAD_S = 1.0
_SETTLED_S = 2.0
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for."""

    sessions: int
    active: float
    rate: float
    events: int
    seconds: float
    warm_s: float
    witnesses: int
    generators: int
    edge_workers: int
    seed: int
    connect_per_s: float = 1_000.0
    surge: float = 1.0
    surge_after_s: float = 0.0
    surge_s: float = 0.0
    deaf_every: int = 0
    read_back: bool = True
    """Whether the log is read back after the run: not where it is trimmed before the end."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which edge, and what is known of the mesh behind it."""

    url: str
    key: str
    running: mesh.Mesh | None = None
    secret: str = ""
    tenant: str = ""
    witnesses_url: str = ""
    """Where the witnesses connect, if not where everybody does."""

    def pids(self) -> dict[str, int]:
        """The mesh's processes, by name; none of a mesh elsewhere."""
        if self.running is None:
            return {}
        return {name: child.pid for name, child in self.running.processes.items()}

    def edge_rss(self) -> int:
        """Resident memory of all edge workers."""
        return sum(rss_bytes(pid) for name, pid in self.pids().items() if name.startswith("edge"))


async def provisioned(data: Path) -> Target:
    """A tenant of its own on the mesh that runs on a data folder."""
    running = mesh.require(data)
    secret = mesh.mesh_secret(data)
    tenant = f"crowd-{secrets.token_hex(4)}"
    async with open_tenants(running.env["SIQ_IDENTITY_ADDR"], secret) as tenants:
        await tenants.put_tenant(
            tenant, "Crowd", identity_secret=secrets.token_urlsafe(32), emotions_to_page=True
        )
        key = await tenants.create_key(tenant, ["*"], "test")
    return Target(running.urls["ws"], key, running, secret, tenant)


async def play(
    target: Target, load: Load, say: Callable[[str], None], during: During | None = None
) -> tuple[Found, Timeline]:
    """Make the load and watch what comes of it.

    `during` runs beside it, told when the measured time begins and ends (epoch seconds).
    """
    with tempfile.TemporaryDirectory(prefix="siq-mesh-") as folder:
        generators = Generators.of(plan_of(target, load), load.generators, Path(folder))
        try:
            return await _play(target, load, generators, say, during)
        finally:
            await generators.stop()


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a plot needs: samples by the second, with the start of the measured time."""

    start: float
    samples: dict[str, npt.NDArray[np.float64]]
    """`ack` and `verdict`: pairs of intended send time and latency, ms."""


async def _play(
    target: Target,
    load: Load,
    generators: Generators,
    say: Callable[[str], None],
    during: During | None,
) -> tuple[Found, Timeline]:
    log_url = target.running.env["SIQ_LOG_URL"] if target.running and load.read_back else ""
    ends = await logged.ends(log_url) if log_url else {}
    rss_before = target.edge_rss()
    began = time.monotonic()
    await generators.connect()
    say(f"{load.sessions} sessions open after {time.monotonic() - began:.1f} s")
    await asyncio.sleep(_SETTLED_S)
    rss_connected = target.edge_rss()
    gate, over = asyncio.Event(), asyncio.Event()
    witnesses = _witnesses(target, load, gate, over, say)
    start = time.time() + _AHEAD_S + (_SETTLED_S if witnesses else 0)
    measured = start + load.warm_s
    usage = Usage({**target.pids(), **generators.pids})
    following = asyncio.create_task(usage.follow())
    telling = asyncio.create_task(generators.run(start))
    beside = asyncio.ensure_future(during(measured, measured + load.seconds)) if during else None
    await asyncio.sleep(measured - time.time())
    gate.set()
    say(f"measuring for {load.seconds:.0f} s")
    await asyncio.sleep(measured + load.seconds - 0.5 - time.time())
    rss_after = target.edge_rss()
    told = await telling
    over.set()
    following.cancel()
    if beside is not None:
        await beside
    verdict = await witnesses if witnesses else None
    for what in [*verdict.lost, *verdict.duplicated, *verdict.problems][:_SHOWN] if verdict else ():
        say(what)
    lost = repeated = None
    if log_url:
        say("reading the log back")
        acked = [(str(a), str(b), int(c)) for each in told for a, b, c in each.acked]
        lost, repeated, _ = await logged.check(log_url, target.tenant, ends, acked)
    samples = {name: generators.samples(name) for name in ("ack", "verdict")}
    found = Found(
        told=told,
        seconds=load.seconds,
        ack_ms=samples["ack"][:, 1],
        verdict_ms=samples["verdict"][:, 1],
        late_ms=generators.samples("late"),
        verdict=verdict,
        lost=lost,
        repeated=repeated,
        cores=usage.cores(measured, measured + load.seconds),
        rss_before=rss_before,
        rss_connected=rss_connected,
        rss_after=rss_after,
    )
    return found, Timeline(measured, samples)


def _witnesses(
    target: Target,
    load: Load,
    gate: asyncio.Event,
    over: asyncio.Event,
    say: Callable[[str], None],
) -> asyncio.Task[Verdict] | None:
    """Visitors in rage whose owners get a text: the whole line, in the midst of the crowd.

    They come once `gate` is open; what came of it is read once the load is `over`.
    """
    if target.running is None or not load.witnesses:
        return None
    running = target.running
    if target.witnesses_url:
        running = replace(running, urls={**running.urls, "ws": target.witnesses_url})
    run = Run(
        running,
        target.secret,
        load.witnesses,
        say,
        arrivals_s=max(load.seconds - 5.0, 1.0),
        gate=gate,
        read_log_after=over if load.read_back else None,
    )
    return asyncio.create_task(run.play())


def plan_of(target: Target, load: Load) -> Plan:
    """The load as one generator would make it alone."""
    parts = urlsplit(target.url)
    return Plan(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 80,
        key=target.key,
        number=0,
        sessions=load.sessions,
        active=load.active,
        rate=load.rate,
        events=load.events,
        warm_s=load.warm_s,
        seconds=load.seconds,
        seed=load.seed,
        samples="",
        connect_per_s=load.connect_per_s,
        surge=load.surge,
        surge_after_s=load.surge_after_s,
        surge_s=load.surge_s,
        deaf_every=load.deaf_every,
    )
