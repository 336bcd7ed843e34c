"""Erasures that race with what they erase, that break off, and that are large."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

import grpc.aio
import pytest

from tests.integration.identity_service import Service, until
from tests.integration.privacy_calls import database, erase, export, rows, token_of


async def test_what_is_stated_meanwhile_is_blanked_or_refused(
    service: Service, tenant: str
) -> None:
    """Statements of one moment before the erasure, in new sessions and known ones, all at once."""
    before_ms = int(time.time() * 1000) - 1
    state = [
        service.identify(
            service.sealed(tenant, token_of("u1"), session=f"s{n % 40}", seq=n + 1, at_ms=before_ms)
        )
        for n in range(120)
    ]
    await asyncio.gather(*state[:40])
    erasing = asyncio.create_task(erase(service, tenant, user_id="u1"))
    await asyncio.gather(*state[40:])
    told = await erasing
    assert told["destroyed"]["statements"] >= 40
    left = await rows(
        service, "SELECT 1 FROM identifies WHERE tenant_id = $1 AND facts <> ''", tenant
    )
    assert left == []
    for number in range(40):
        who = await service.resolve(tenant, f"s{number}")
        assert (who.user_id, who.email, who.name) == ("", "", "")
    assert len(await rows(service, "SELECT 1 FROM identifies WHERE tenant_id = $1", tenant)) == 120


async def test_what_broke_off_is_unreadable_at_once_and_goes_on(
    service: Service, tenant: str
) -> None:
    await service.identify(service.sealed(tenant, token_of("u1")))
    await service.identify(service.sealed(tenant, token_of("u2"), session="s2"))
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND query LIKE '%FROM sessions%'"
    )
    async with database(service) as holder, database(service) as connection:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT 1 FROM sessions WHERE tenant_id = $1 FOR UPDATE", tenant)
        erasing = asyncio.create_task(erase(service, tenant, user_id="u1"))

        async def blocked() -> list[object]:
            found: list[object] = await connection.fetch(waiting)
            return found

        await until(blocked)
        who = await service.resolve(tenant)
        assert (who.email, who.name) == ("", "")  # its key is gone, though its row is still there
        await connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS them")
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await erasing
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
        await transaction.rollback()
    assert (await service.resolve(tenant)).user_id == "u1"
    told = await erase(service, tenant, user_id="u1")  # with the same key
    # What the first attempt destroyed counts too.
    assert (told["destroyed"]["keys"], told["destroyed"]["statements"]) == (1, 1)
    assert (await service.resolve(tenant)).user_id == ""
    assert (await service.resolve(tenant, "s2")).email == "u2@mail.example"


async def test_the_same_request_twice_at_once_has_one_certificate(
    service: Service, tenant: str
) -> None:
    for number in range(60):
        await service.identify(service.sealed(tenant, token_of("u1"), session=f"s{number}"))
    one, other = await asyncio.gather(
        erase(service, tenant, user_id="u1"), erase(service, tenant, user_id="u1")
    )
    assert one == other == await erase(service, tenant, user_id="u1")
    found = await rows(
        service,
        "SELECT 1 FROM audit_records WHERE tenant_id = $1 AND action = 'subject.erase'",
        tenant,
    )
    assert len(found) == 1


async def test_an_address_that_is_claimed_and_verified(service: Service, tenant: str) -> None:
    """A session that claims to be a user, with the address that is really theirs."""
    await service.identify(service.sealed(tenant, token_of("u1"), session="real"))
    claim = {"user_id": "u1", "email": "u1@mail.example"}
    await service.identify(service.sealed(tenant, claim, session="claimed"))
    await erase(service, tenant, email="u1@mail.example")
    for session in ("real", "claimed"):
        assert (await service.resolve(tenant, session)).user_id == ""


@pytest.mark.parametrize(
    "count", [1_500, pytest.param(100_000, marks=[pytest.mark.long, pytest.mark.timeout(300)])]
)
async def test_large_export_is_complete_and_large_erasure_ends(
    service: Service, tenant: str, count: int
) -> None:
    """AT-62: everything that stands in the tables, and nothing twice."""
    for number in range(120):
        await service.identify(service.sealed(tenant, token_of("u1"), session=f"s{number}"))
    async with database(service) as connection:
        await connection.execute(
            "INSERT INTO transactions SELECT $1, 't' || n, 'u' || (1 + n % 2), 1, 'USD', n,"
            " 1700000000000, '' FROM generate_series(1, $2::int * 2) AS n",
            tenant,
            count,
        )
    found = await export(service, tenant, user_id="u1")
    counts = Counter(one["kind"] for one in found)
    assert (counts["statement"], counts["identity"]) == (120, 120)
    told = [one["transaction_id"] for one in found if one["kind"] == "transaction"]
    assert len(told) == len(set(told)) == count
    kept = await rows(
        service,
        "SELECT transaction_id FROM transactions WHERE tenant_id = $1 AND user_id = 'u1'",
        tenant,
    )
    assert {row["transaction_id"] for row in kept} == set(told)
    assert sum(one["minor"] for one in found if one["kind"] == "transaction") == sum(
        int(one[1:]) for one in told
    )
    assert json.dumps(found).count('"u2"') == 0
    done = await erase(service, tenant, user_id="u1")
    assert (done["destroyed"]["sessions"], done["destroyed"]["transactions"]) == (120, count)
    others = await rows(service, "SELECT count(*) FROM transactions WHERE tenant_id = $1", tenant)
    assert others[0][0] == count
