"""PostgreSQL dies and comes back meanwhile: no join is lost or doubled."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb

from cli.engines.folders import SocketFolder
from cli.engines.postgres import Postgres
from services.common.log import IDENTITY, open_log
from services.common.log.port import session_append
from tests.integration.graph.test_profiles import NOW, came, verified
from tests.integration.identity_service import Service, running_service, until

_driver: Any = asyncpg  # without stubs
VISITS = 120


@pytest.fixture
async def postgres() -> AsyncGenerator[Postgres, None]:
    """A server of its own, which keeps what it said it has."""
    with tempfile.TemporaryDirectory(prefix="siq-graph-") as folder:
        sockets = SocketFolder.of(Path(folder))
        engine = Postgres(Path(folder) / "postgres", sockets.create())
        engine.start()
        yield engine
        engine.stop()
        sockets.remove()


def visits(service: Service, tenant: str) -> tuple[list[pb.SealedIdentify], dict[str, str]]:
    """What is told, and whose each visit then is."""
    rng = random.Random(11)
    told: list[pb.SealedIdentify] = []
    seen: dict[str, set[str]] = {}
    browser_of: dict[str, str] = {}
    stated: dict[str, str] = {}
    for number in range(VISITS):
        session, browser = f"s{number}", f"b{rng.randrange(12)}"
        browser_of[session] = browser
        told.append(came(tenant, session, browser, NOW + number))
        if rng.random() < 0.3:
            user = f"owner of {browser}" if rng.random() < 0.8 else f"guest of {browser}"
            seen.setdefault(browser, set()).add(user)
            stated[session] = user
            told.append(service.sealed(tenant, verified(user), session=session))
    rng.shuffle(told)
    expected = {
        session: stated.get(session) or _only(seen.get(browser, set()))
        for session, browser in browser_of.items()
    }
    return told, expected


def _only(people: set[str]) -> str:
    return next(iter(people)) if len(people) == 1 else ""


async def test_no_join_is_lost_or_doubled(postgres: Postgres, log_url: str, tmp_path: Path) -> None:
    async with running_service(postgres.url, log_url, tmp_path) as service:
        tenant = await service.make_tenant()
        told, expected = visits(service, tenant)
        log = open_log(log_url)
        for start in range(0, len(told), 40):
            await log.append(
                [
                    session_append(IDENTITY, tenant, one.session_id, one.SerializeToString(), {})
                    for one in told[start : start + 40]
                ]
            )
            await asyncio.sleep(0.05)  # some of them are under way
            assert postgres.pid is not None
            os.kill(postgres.pid, signal.SIGKILL)
            await asyncio.to_thread(postgres.stop)
            await asyncio.to_thread(postgres.start)
        await log.close()

        async def applied() -> bool:
            return await _count(postgres, "identifies", tenant) == len(told)

        await until(applied)
        request = pb.BatchResolveRequest(tenant_id=tenant, session_ids=sorted(expected))
        answer: Any = await service.identity.BatchResolve(request)
        assert {one.session_id: one.user_id for one in answer.identities} == expected
    histories = await _histories(postgres, tenant)
    for session, history in histories.items():
        assert history[-1] == expected.get(session, history[-1]), session
        assert all(one != other for one, other in itertools.pairwise(history)), session


async def _count(postgres: Postgres, table: str, tenant: str) -> int:
    connection = await _driver.connect(postgres.url)
    try:
        return int(
            await connection.fetchval(
                f"SELECT count(*) FROM identity.{table} WHERE tenant_id = $1", tenant
            )
        )
    finally:
        await connection.close()


async def _histories(postgres: Postgres, tenant: str) -> dict[str, list[str]]:
    connection = await _driver.connect(postgres.url)
    try:
        rows: list[Any] = await connection.fetch(
            "SELECT session_id, user_id FROM identity.attributions WHERE tenant_id = $1"
            " ORDER BY change_id",
            tenant,
        )
    finally:
        await connection.close()
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["session_id"], []).append(row["user_id"])
    return found
