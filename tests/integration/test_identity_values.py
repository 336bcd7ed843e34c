"""What users are worth: real PostgreSQL, through the real gRPC port."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb

from edge.identities import Identities
from edge.seal import Sealer
from tests.integration.identity_service import (
    Service,
    identity_token,
    refused,
    until,
)
from tests.integration.transactions import (
    DAY_S,
    import_all,
    put,
    record,
    refund,
    sign_in,
    transaction,
)

_driver: Any = asyncpg  # without stubs


async def test_what_was_paid_is_the_value(service: Service, tenant: str) -> None:
    await sign_in(service, tenant, ltv=7)
    before = await service.resolve(tenant)
    assert (before.ltv.minor, before.ltv_source) == (700, "token")
    done = await record(
        service,
        tenant,
        transaction("t1", 400_000, days_ago=40),
        transaction("t2", 200_000, kind=pb.TRANSACTION_KIND_SUBSCRIPTION),
        refund("t3", 50_000, "t1"),
        transaction("t9", 1, user="u2"),
    )
    assert (done.recorded, done.repeated) == (4, 0)
    who = await service.resolve(tenant)
    assert (who.ltv, who.ltv_source) == (pb.Money(currency="USD", minor=550_000), "transactions")
    assert who.ltv_observed == who.ltv == who.ltv_low == who.ltv_high
    assert not who.HasField("ltv_expected")
    assert who.ltv_reason.startswith("no model yet")
    assert who.ltv_lack == pb.VALUE_LACK_MODEL
    assert who.tier == pb.TIER_GROWTH
    assert abs(who.ltv_as_of.seconds - time.time()) < 60
    assert who.version > before.version


async def test_money_of_other_currencies_takes_the_rate_of_its_day(
    service: Service, tenant: str
) -> None:
    await sign_in(service, tenant, ltv=9)
    await record(service, tenant, transaction("t1", 10_000, currency="EUR", days_ago=3))
    who = await service.resolve(tenant)
    assert (who.ltv.minor, who.ltv_source) == (900, "token")
    assert who.ltv_reason.startswith("cannot be valued: no rate of EUR in USD was in force on ")
    assert who.ltv_lack == pb.VALUE_LACK_RATE
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 5 * DAY_S))
    await put(service, tenant, "rates", {"rates": {"EUR": {day: "1.0825"}}})
    await record(service, tenant, transaction("t2", 1_000, currency="JPY", days_ago=900))
    who = await service.resolve(tenant)
    assert "no rate of JPY in USD" in who.ltv_reason
    late = await service.make_tenant()
    await sign_in(service, late)
    await put(service, late, "rates", {"rates": {"EUR": {day: "1.0825"}}})
    await record(service, late, transaction("t1", 10_000, currency="EUR", days_ago=3))
    who = await service.resolve(late)
    assert (who.ltv.currency, who.ltv.minor) == ("USD", 10_825)


async def test_a_plan_says_what_nothing_better_does(service: Service, tenant: str) -> None:
    plan = {"value": "12000", "low": "6000", "high": "20000"}
    rules = {"plans": {"pro": plan}, "tiers": {"growth": 100, "enterprise": 12000}}
    await put(service, tenant, "value", rules)
    await sign_in(service, tenant, plan="Pro")
    who = await service.resolve(tenant)
    assert [value.minor for value in (who.ltv_low, who.ltv, who.ltv_high)] == [
        600_000,
        1_200_000,
        2_000_000,
    ]
    assert (who.ltv_source, who.tier) == ("plan", pb.TIER_ENTERPRISE)
    claimed = {"user_id": "u5", "traits": {"plan": "pro", "ltv": 1_000_000}}
    await service.identify(service.sealed(tenant, claimed, session="s2"))
    who = await service.resolve(tenant, "s2")
    assert (who.ltv_source, who.ltv.minor, who.ltv_low.minor) == ("plan", 1_200_000, 0)
    await sign_in(service, tenant, "s3", plan="pro", ltv=50)
    who = await service.resolve(tenant, "s3")
    assert (who.ltv_source, who.ltv.minor, who.tier) == ("token", 5_000, pb.TIER_STARTER)
    await record(service, tenant, transaction("t1", 100_00))
    for session in ("s1", "s3"):
        who = await service.resolve(tenant, session)
        assert (who.ltv_source, who.ltv.minor, who.tier) == (
            "transactions",
            100_00,
            pb.TIER_GROWTH,
        )


async def test_a_claimed_user_may_be_somebody_else(service: Service, tenant: str) -> None:
    await record(service, tenant, transaction("t1", 100_000))
    await service.identify(service.sealed(tenant, {"user_id": "u1"}))
    who = await service.resolve(tenant)
    assert who.assurance == pb.ASSURANCE_CLAIMED
    assert (who.ltv.minor, who.ltv_low.minor) == (100_000, 0)


async def test_versions_grow_when_a_session_changes_hands(service: Service, tenant: str) -> None:
    """The edge drops what is older than what it has."""
    await record(service, tenant, transaction("t1", 100))
    await record(service, tenant, transaction("t2", 100))
    versions: list[int] = []
    for seq, user in enumerate(("u1", "u2", "u1", "u3"), 1):
        token = identity_token(sub=user)
        who = await service.identify(service.sealed(tenant, {"token": token}, seq=seq))
        versions.append(who.version)
        await record(service, tenant, transaction(f"t3{seq}", 100, user=user))
        versions.append((await service.resolve(tenant)).version)
    assert sorted(set(versions)) == versions


@pytest.mark.parametrize(
    ("kind", "document", "words"),
    [
        ("value", {"tiers": {"growth": 10, "enterprise": 5}}, "body: tiers.enterprise: "),
        ("value", {"currency": "DOLLAR"}, "body: currency: "),
        ("value", {"horizon": 5}, "body: Object contains unknown field"),
        ("value", {"plans": {"pro": {"value": 5, "low": 6}}}, "body: plans.pro.low: "),
        ("rates", {"rates": {"EUR": {"2026-13-01": 1}}}, "body: Invalid"),
        ("rates", {"rates": {"EUR": {"2026-01-01": 0}}}, "body: rates.EUR.2026-01-01: "),
        ("rates", {"rates": {"EURO": {}}}, "body: rates.EURO: "),
    ],
)
async def test_documents_that_cannot_be_used_are_refused(
    service: Service, tenant: str, kind: str, document: Any, words: str
) -> None:
    code, said = await refused(put(service, tenant, kind, document))
    assert (code, said[: len(words)]) == ("INVALID_ARGUMENT", words)


def _shop(users: int) -> list[pb.Transaction]:
    """What visitors of a shop bought in a year."""
    rng = random.Random(5)
    made: list[pb.Transaction] = []
    for user in range(users):
        rate, leaves = rng.gammavariate(0.9, 1 / 30), rng.betavariate(0.8, 2.5)
        spends, ago, number = 5_000 / rng.gammavariate(4, 0.33), 364 * rng.random(), 0
        while ago > 0:
            minor = round(rng.gammavariate(3, spends / 3)) + 1
            made.append(transaction(f"u{user}-{number}", minor, user=f"u{user}", days_ago=ago))
            if number and rng.random() < leaves:
                break
            ago, number = ago - rng.expovariate(rate), number + 1
    return made


async def test_what_is_expected_comes_with_an_interval(service: Service, tenant: str) -> None:
    made = _shop(400)
    counts = Counter(one.user_id for one in made)
    loyal, _ = counts.most_common(1)[0]
    token = identity_token(sub=loyal)
    await service.identify(service.sealed(tenant, {"token": token}))
    await import_all(
        service,
        [
            pb.ImportTransactionsRequest(tenant_id=tenant, transactions=made[at : at + 500])
            for at in range(0, len(made), 500)
        ],
    )
    before = await service.resolve(tenant)
    assert before.ltv_reason.startswith("no model yet: it takes 200 users")
    refresher = service.parts.refresher
    await refresher.once()
    assert (refresher.fitted, refresher.renewed) == (1, len(counts))
    who = await service.resolve(tenant)
    assert (who.ltv_reason, who.ltv_lack) == ("", pb.VALUE_LACK_UNSPECIFIED)
    assert who.ltv_observed == before.ltv
    assert who.ltv.minor == who.ltv_observed.minor + who.ltv_expected.minor
    assert who.ltv_expected.minor > 0
    assert who.ltv_observed.minor <= who.ltv_low.minor < who.ltv.minor < who.ltv_high.minor
    assert (who.ltv_source, who.version) == ("transactions", before.version + 1)
    # A new purchase counts at once, as what was paid and as a sign that the user still buys.
    await record(service, tenant, transaction("new", 5_000, user=loyal, days_ago=0))
    after = await service.resolve(tenant)
    assert after.ltv_observed.minor == who.ltv_observed.minor + 5_000
    assert after.ltv_expected.minor > 0
    # Nothing is due: neither another model nor other values.
    renewed = refresher.renewed
    await refresher.once()
    assert (refresher.fitted, refresher.renewed) == (1, renewed)


async def test_a_value_of_yesterday_is_computed_again(service: Service, tenant: str) -> None:
    crowd = [transaction(f"t{n}", 100, user=f"u{n}") for n in range(450)]
    await sign_in(service, tenant)
    await record(service, tenant, *crowd)
    refresher = service.parts.refresher
    await refresher.once()
    fresh = await service.resolve(tenant)
    renewed = refresher.renewed
    connection = await _driver.connect(service.settings.postgres_url)
    try:
        await connection.execute(
            "UPDATE identity.user_values SET as_of_ms = as_of_ms - 90000000 WHERE tenant_id = $1",
            tenant,
        )
    finally:
        await connection.close()
    service.parts.answers.forget_tenant(tenant)
    assert (await service.resolve(tenant)).ltv_as_of.seconds < fresh.ltv_as_of.seconds - DAY_S
    await refresher.once()
    assert refresher.renewed == renewed + 450
    again = await service.resolve(tenant)
    assert again.ltv_as_of.seconds >= fresh.ltv_as_of.seconds
    # Nothing else has changed, so it is no news.
    assert again.version == fresh.version


async def test_one_tenants_broken_model_keeps_no_other_from_its_values(
    service: Service, tenant: str
) -> None:
    other = await service.make_tenant()
    for name in (tenant, other):
        await sign_in(service, name)
        await record(service, name, transaction("t1", 100, currency="EUR"))
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 15 * DAY_S))
        await put(service, name, "rates", {"rates": {"EUR": {day: 2}}})
    connection = await _driver.connect(service.settings.postgres_url)
    try:
        await connection.execute(
            "INSERT INTO identity.value_models (tenant_id, version, parameters, currency, reason,"
            " users) VALUES ($1, 1, '{}', 'USD', '', 1)",
            min(tenant, other),
        )
    finally:
        await connection.close()
    await service.parts.refresher.once()
    assert service.parts.refresher.failed == 1
    assert (await service.resolve(max(tenant, other))).ltv.minor == 200
    # Who they are is told all the same.
    assert (await service.resolve(min(tenant, other))).user_id == "u1"


async def test_new_documents_reach_old_values(service: Service, tenant: str) -> None:
    await sign_in(service, tenant)
    await record(service, tenant, transaction("t1", 10_000, currency="EUR", days_ago=3))
    assert not (await service.resolve(tenant)).HasField("ltv")
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 5 * DAY_S))
    await put(service, tenant, "rates", {"rates": {"EUR": {day: "1.5"}}})
    await service.parts.refresher.once()
    who = await service.resolve(tenant)
    assert (who.ltv.currency, who.ltv.minor) == ("USD", 15_000)
    await put(service, tenant, "value", {"currency": "EUR"})
    await service.parts.refresher.once()
    who = await service.resolve(tenant)
    assert (who.ltv.currency, who.ltv.minor) == ("EUR", 10_000)


async def test_the_edge_hears_of_new_values(service: Service, tenant: str) -> None:
    """Its cache would otherwise tell the old ones for minutes."""
    await sign_in(service, tenant)
    await sign_in(service, tenant, "s2", sub="u2")
    edge = Identities(service.identity, Sealer())
    watching = asyncio.create_task(edge.watch_values())

    async def worth(session: str, minor: int) -> bool:
        who = await edge.resolve(tenant, session)
        return who is not None and who.ltv.minor == minor

    try:
        assert await worth("s1", 0)
        await record(service, tenant, transaction("t1", 100))
        await until(lambda: worth("s1", 100))
        crowd = [transaction(f"c{n}", 5, user=f"u{n}") for n in range(1, 300)]
        await record(service, tenant, *crowd)
        await until(lambda: worth("s1", 105))
        await until(lambda: worth("s2", 5))
        await put(service, tenant, "value", {"tiers": {"growth": 1}})

        async def grown() -> bool:
            who = await edge.resolve(tenant, "s1")
            return who is not None and who.tier == pb.TIER_GROWTH

        await until(grown)
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def test_who_watches_one_tenant_hears_of_no_other(service: Service, tenant: str) -> None:
    other = await service.make_tenant()
    team, _ = service.as_caller(tenant, "team")
    watch = team.WatchValues(pb.WatchValuesRequest())
    answers = [await watch.read()]
    assert answers == [pb.WatchValuesResponse(tenant_id=tenant)]
    number = 0
    # Everybody is named once more if the service only now begins to listen.
    while not answers[-1].user_id:
        number += 1
        await record(service, other, transaction(f"t{number}", 100))
        await record(service, tenant, transaction(f"t{number}", 100, user="a user"))
        answers.append(await watch.read())
    assert {answer.tenant_id for answer in answers} == {tenant}
    assert answers[-1].user_id == "a user"
