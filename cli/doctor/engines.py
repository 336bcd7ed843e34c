"""The engines that the environment names: reached, and set up so that nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from cli.doctor import servers
from cli.doctor.answers import away, place, with_clock
from cli.doctor.finding import Finding, Patient, fail, ok, warn

_WITHIN_S = 4.0
_POSTGRES = 150000

# What makes an answered append safe, and a full log refuse; and what its lack means.
_LOG_MUST: Mapping[str, tuple[str, str]] = {
    "appendonly": ("yes", "a restart loses every event"),
    "appendfsync": ("always", "a crash loses acknowledged events"),
    "maxmemory-policy": ("noeviction", "a full log would forget events"),
}


async def postgres(patient: Patient) -> AsyncIterator[Finding]:
    """PostgreSQL answers, is new enough, and has the time that we have."""
    url = patient.address("SIQ_POSTGRES_URL")
    if not url:
        return
    import asyncpg

    try:
        async with asyncio.timeout(_WITHIN_S):
            connection: Any = await cast("Any", asyncpg).connect(url)
            try:
                asked = time.time()
                its_time = float(
                    await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())")
                )
                apart = its_time - (asked + time.time()) / 2
                number = int(await connection.fetchval("SHOW server_version_num"))
                version = await connection.fetchval("SHOW server_version")
            finally:
                await connection.close()
    except (
        OSError,
        TimeoutError,
        ValueError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
    ) as error:
        yield away("postgres", url, error, "SIQ_POSTGRES_URL")
        return
    if number < _POSTGRES:
        yield fail("postgres", f"{version} at {place(url)}", "use PostgreSQL 15 or newer")
    else:
        yield with_clock("postgres", f"PostgreSQL {version} at {place(url)}", apart)


async def log(patient: Patient) -> AsyncIterator[Finding]:
    """The event log keeps what it answered, refuses when full, and is not full."""
    url = patient.address("SIQ_LOG_URL")
    if not url:
        return
    if url.startswith(("kafka://", "kafkas://")):
        async for finding in servers.kafka(url):
            yield finding
        return
    try:
        server = await _ask(url)
    except _Away as error:
        yield away("log", url, error, "SIQ_LOG_URL")
        return
    yield with_clock("log", f"Valkey at {place(url)}", server.apart_s)
    for finding in log_findings(server.config, server.used, server.limit):
        yield finding


def log_findings(config: Mapping[str, str] | None, used: int, limit: int) -> list[Finding]:
    """Judge how a log is set up; `config` is None where the server does not show it."""
    if config is None:
        found = [
            warn(
                "log safety",
                "the server does not show its configuration",
                "make sure of appendonly yes, appendfsync always, maxmemory-policy noeviction",
            )
        ]
    else:
        wrong = {
            name: f"{name} is {config.get(name, 'unknown')}: {why}"
            for name, (wanted, why) in _LOG_MUST.items()
            if config.get(name) != wanted
        }
        mends = " and ".join(f"{name} {_LOG_MUST[name][0]}" for name in wrong)
        kept = ", ".join(f"{name} {wanted}" for name, (wanted, _) in _LOG_MUST.items())
        found = [
            fail("log safety", "; ".join(wrong.values()), f"set {mends}")
            if wrong
            else ok("log safety", kept)
        ]
        if config.get("auto-aof-rewrite-percentage", "0") != "0":
            found.append(
                warn(
                    "log rewrites",
                    "the append-only file is rewritten under load, which holds up acks",
                    "set auto-aof-rewrite-percentage 0, and rewrite in a quiet hour",
                )
            )
    found.append(_room(used, limit))
    return found


def _room(used: int, limit: int) -> Finding:
    if limit == 0:
        return fail(
            "log room", "no maxmemory: it grows until the machine kills it", "set maxmemory"
        )
    shown = f"{used / limit:.0%} of {limit / 2**20:,.0f} MiB used"
    if used > 0.8 * limit:
        return fail(
            "log room",
            f"{shown}: the edge acknowledges nothing above 80 %",
            "find the slow reader, or raise maxmemory",
        )
    return ok("log room", shown)


async def state(patient: Patient) -> AsyncIterator[Finding]:
    """The state store answers and keeps what it holds."""
    url = patient.address("SIQ_STATE_URL")
    if not url:
        return
    try:
        server = await _ask(url)
    except _Away as error:
        yield away("state", url, error, "SIQ_STATE_URL")
        return
    policy = (server.config or {}).get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        yield warn(
            "state",
            f"maxmemory-policy is {policy}: leases and presence may vanish",
            "set maxmemory-policy noeviction",
        )
    else:
        yield with_clock("state", f"Valkey at {place(url)}", server.apart_s)


class _Away(Exception):
    """The server did not answer as one does."""


@dataclass(frozen=True, slots=True)
class _Server:
    """What a Valkey says of itself."""

    apart_s: float
    """Its clock minus ours."""
    used: int
    limit: int
    config: Mapping[str, str] | None
    """None: it does not show it, as managed ones do not."""


async def _ask(url: str) -> _Server:
    from redis.exceptions import RedisError, ResponseError

    from services.common import valkey

    client: Any = None
    try:
        async with asyncio.timeout(_WITHIN_S):
            client = valkey.connect(url)
            asked = time.time()
            seconds, micros = await client.time()
            apart_s = seconds + micros / 1e6 - (asked + time.time()) / 2
            memory = await client.info("memory")
            try:
                config = await client.config_get("*")
            except ResponseError:
                config = None
    except TimeoutError as error:
        raise _Away("no answer in time") from error
    except (OSError, ValueError, RedisError) as error:
        raise _Away(str(error)) from error
    finally:
        if client is not None:
            await client.aclose()
    return _Server(apart_s, int(memory["used_memory"]), int(memory["maxmemory"]), config)
