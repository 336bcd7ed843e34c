"""Transactions are recorded once, or refused by name: real PostgreSQL, the real gRPC port."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb

from tests.integration.identity_service import Service, refused, running_service
from tests.integration.transactions import import_all, record, refund, sign_in, transaction


async def test_a_repeat_counts_and_changes_nothing(service: Service, tenant: str) -> None:
    await sign_in(service, tenant)
    one, other = transaction("t1", 100), transaction("t2", 200)
    await record(service, tenant, one)
    done = await record(service, tenant, one, other, other)
    assert (done.recorded, done.repeated) == (1, 2)
    who = await service.resolve(tenant)
    done = await record(service, tenant, other, one)
    assert (done.recorded, done.repeated) == (0, 2)
    assert await service.resolve(tenant) == who
    assert who.ltv.minor == 300


async def test_other_content_under_a_known_id_is_refused_whole(
    service: Service, tenant: str
) -> None:
    await sign_in(service, tenant)
    await record(service, tenant, transaction("t1", 100))
    batch = (transaction("t2", 5), transaction("t1", 101))
    code, words = await refused(record(service, tenant, *batch))
    assert (code, words.partition(";")[0]) == (
        "ALREADY_EXISTS",
        "transactions[1].transaction_id: 't1' is recorded with other content",
    )
    assert (await service.resolve(tenant)).ltv.minor == 100
    # An id is its tenant's own.
    other = await service.make_tenant()
    assert (await record(service, other, transaction("t1", 101))).recorded == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "transaction_id"),
        ({"user": "u\x00"}, "user_id"),
        ({"minor": 0}, "amount.minor"),
        ({"minor": -5}, "amount.minor"),
        ({"currency": "usd"}, "amount.currency"),
        ({"currency": "XAU"}, "amount.currency"),
        ({"kind": 0}, "kind"),
        ({"kind": 9}, "kind"),
        ({"days_ago": -3}, "occurred_at"),
        ({"days_ago": 50_000}, "occurred_at"),
        ({"refers_to": "t0"}, "refers_to"),
        ({"kind": pb.TRANSACTION_KIND_CHARGEBACK}, "refers_to"),
        ({"kind": pb.TRANSACTION_KIND_REFUND, "refers_to": "bad"}, "refers_to"),
    ],
)
async def test_bad_transaction_is_refused_by_field(
    service: Service, tenant: str, change: dict[str, Any], field: str
) -> None:
    fields: dict[str, Any] = {"name": "bad", "minor": 100, **change}
    bad = transaction(**fields)
    code, words = await refused(record(service, tenant, transaction("good", 1), bad))
    assert (code, words.startswith(f"transactions[1].{field}: ")) == ("INVALID_ARGUMENT", True), (
        words
    )
    assert (await record(service, tenant, transaction("good", 1))).recorded == 1


async def test_who_may_record(service: Service, tenant: str) -> None:
    team, _ = service.as_caller(tenant, "team")
    operator, _ = service.as_caller(tenant, "operator")
    request = pb.RecordTransactionsRequest(tenant_id=tenant, transactions=[transaction("t1", 1)])
    assert (await refused(team.RecordTransactions(request)))[0] == "PERMISSION_DENIED"
    assert (await operator.RecordTransactions(request)).recorded == 1
    request.tenant_id = "nobody-here"
    assert (await refused(operator.RecordTransactions(request)))[0] == "PERMISSION_DENIED"
    assert (await refused(service.identity.RecordTransactions(request)))[0] == "NOT_FOUND"
    assert (await refused(record(service, tenant)))[0] == "INVALID_ARGUMENT"


async def test_late_and_reordered_transactions_give_the_same_value(service: Service) -> None:
    made = [transaction(f"t{n}", 100 * n, days_ago=n) for n in range(1, 9)]
    made += [refund(f"r{n}", 70 * n, f"t{n}", days_ago=n / 2) for n in range(1, 9, 2)]
    made += [refund(f"s{n}", 50 * n, f"t{n}", days_ago=n / 3) for n in range(1, 5)]
    values: list[tuple[Any, ...]] = []
    for seed in range(4):
        tenant = await service.make_tenant()
        await sign_in(service, tenant)
        rng = random.Random(seed)
        told = rng.sample(made, len(made)) if seed else made
        while told:
            some = rng.randint(1, 5)
            await record(service, tenant, *told[:some])
            told = told[some:]
        who = await service.resolve(tenant)
        values.append((who.ltv.minor, who.ltv_low.minor, who.ltv_high.minor, who.tier))
    assert set(values) == {values[0]}
    # Of t1 and t3 more was taken back than was paid: they count nothing, not less.
    assert values[0][0] == (200 - 100) + (400 - 200) + (500 - 350) + 600 + (700 - 490) + 800


async def test_two_replicas_at_once_lose_nothing(
    service: Service, tenant: str, postgres_url: str, log_url: str, tmp_path: Path
) -> None:
    await sign_in(service, tenant)
    made = [transaction(f"t{n}", 100 + n, user=f"u{n % 3}") for n in range(60)]
    async with running_service(postgres_url, log_url, tmp_path) as other:
        calls = [
            record(replica, tenant, *made[begin : begin + 20], *reversed(made[:begin]))
            for begin in range(0, 60, 4)
            for replica in (service, other)
        ]
        done = await asyncio.gather(*calls)
        assert sum(answer.recorded for answer in done) == 60
        seen = [await replica.resolve(tenant) for replica in (service, other)]
    assert seen[0] == seen[1]
    assert seen[0].ltv.minor == sum(100 + n for n in range(60) if n % 3 == 1)


async def test_import_takes_what_it_can_and_names_the_rest(service: Service, tenant: str) -> None:
    await sign_in(service, tenant)
    await record(service, tenant, transaction("t0", 100))
    parts = [
        [transaction("t1", 200), transaction("bad", 0), transaction("t0", 100)],
        [transaction("t0", 999), refund("r1", 50, "t1"), transaction("t1", 200)],
    ]
    requests = [
        pb.ImportTransactionsRequest(tenant_id=tenant, transactions=parts[0]),
        pb.ImportTransactionsRequest(transactions=parts[1]),
    ]
    done = await import_all(service, requests)
    assert (done.recorded, done.repeated, dict(done.refused)) == (
        2,
        2,
        {"invalid": 1, "conflict": 1},
    )
    assert [(r.position, r.transaction_id, r.reason) for r in done.first_refused] == [
        (2, "bad", "invalid"),
        (4, "t0", "conflict"),
    ]
    assert done.first_refused[0].message.startswith("transaction.amount.minor: ")
    assert (await service.resolve(tenant)).ltv.minor == 250
    again = await import_all(service, requests)
    assert (again.recorded, again.repeated) == (0, 4)


async def test_import_needs_one_tenant(service: Service, tenant: str) -> None:
    assert (await refused(import_all(service, [])))[0] == "INVALID_ARGUMENT"
    other = await service.make_tenant()
    requests = [pb.ImportTransactionsRequest(tenant_id=name) for name in (tenant, other)]
    code, words = await refused(import_all(service, requests))
    assert (code, words) == ("INVALID_ARGUMENT", "tenant_id: expected one tenant an import")
    unknown = pb.ImportTransactionsRequest(
        tenant_id="nobody-here", transactions=[transaction("t1", 1)]
    )
    assert (await refused(import_all(service, [unknown])))[0] == "NOT_FOUND"
