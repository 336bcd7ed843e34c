"""The processes that the environment names: each asked for its own word."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

from cli.doctor.finding import Finding, Patient, fail, ok
from cli.up.probes import grpc_complaint, http_probe

_WITHIN_S = 4.0
_RESTART = "look at its log; `sentientiq serve {}` names what it lacks"


def is_address(text: str) -> bool:
    """Whether it is host:port."""
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal()


async def _complaint(address: str) -> str | None:
    return await grpc_complaint(address) if is_address(address) else "is not host:port"


def asks(name: str) -> Callable[[Patient], AsyncIterator[Finding]]:
    """A check of the process at SIQ_<NAME>_ADDR."""

    async def check(patient: Patient) -> AsyncIterator[Finding]:
        address = patient.address(f"SIQ_{name.upper()}_ADDR")
        if not address:
            return
        complaint = await _complaint(address)
        if complaint is None:
            yield ok(name, f"serves at {address}")
        else:
            yield fail(name, f"{address}: {complaint}", _RESTART.format(name))

    return check


async def detection(patient: Patient) -> AsyncIterator[Finding]:
    """Every partition has an owner, and every owner serves. They are known by their leases only."""
    url = patient.address("SIQ_STATE_URL")
    if not url:
        return
    from redis.exceptions import RedisError

    from services.common import valkey
    from services.common.ownership import LeaseStore
    from services.common.partition import PARTITIONS

    client = None
    try:
        async with asyncio.timeout(_WITHIN_S):
            client = valkey.connect(url)
            owners = await LeaseStore(client).owners()
    except (OSError, TimeoutError, ValueError, RedisError):
        yield fail("detection", "who runs it is not known without the state store", "see state")
        return
    finally:
        if client is not None:
            await client.aclose()
    held = Counter(lease.endpoint for lease in owners.values())
    complaints = {endpoint: await _complaint(endpoint) for endpoint in held}
    sick = [f"{endpoint}: {why}" for endpoint, why in complaints.items() if why is not None]
    shares = ", ".join(f"{endpoint} {count}" for endpoint, count in sorted(held.items()))
    found = f"{len(owners)} of {PARTITIONS} partitions held" + (f": {shares}" if shares else "")
    if sick:
        yield fail("detection", "; ".join(sick), _RESTART.format("detection"))
    elif len(owners) < PARTITIONS:
        yield fail("detection", found, _RESTART.format("detection"))
    else:
        yield ok("detection", found)


async def edge(patient: Patient) -> AsyncIterator[Finding]:
    """The edge that runs here: of `up`, or where SIQ_WS_LISTEN says, in its own container."""
    running = patient.mesh
    listen = patient.environ.get("SIQ_WS_LISTEN", "").replace("0.0.0.0", "127.0.0.1")
    address = listen or (running.urls["ws"].removeprefix("ws://") if running else "")
    if not address:
        return
    secured = bool(listen and patient.environ.get("SIQ_TLS_CERT"))
    if is_address(address) and await http_probe(address, tls=secured)():
        yield ok("edge", f"serves at {address}")
    else:
        yield fail("edge", f"{address}: does not answer, or drains", _RESTART.format("edge"))
