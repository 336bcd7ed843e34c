"""`sentientiq experiment` against a real identity service and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from sentientiq.identity.v1 import identity_service_pb2 as ipb

import cli.main
from services.common import postgres
from services.intervention.experiments.assignment import Units, choose
from services.intervention.experiments.checks import parse_experiments
from services.intervention.experiments.exposure_log import Entry, record
from services.intervention.experiments.observations import Observation, observe
from services.intervention.experiments.shares import Shares
from services.intervention.service import MIGRATIONS, SCHEMA
from tests.integration.identity_service import MESH, Service
from tests.unit.services.intervention.experiments.documents import body, experiment

DAY_MS = 86_400_000
BODY = body(
    pay=experiment(plan={"mde": 0.1, "units": 1_000}),
    learn=experiment(rule="stuck", adaptive={"floor": 0.1}),
)


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[Any]:
    await postgres.migrate(postgres_url, SCHEMA, MIGRATIONS)
    opened = await postgres.connect(postgres_url, schema=SCHEMA, max_size=2)
    yield opened
    await opened.close()


async def run(service: Service, postgres_url: str, *words: str) -> Result:
    environ = {
        "SIQ_IDENTITY_ADDR": service.settings.listen,
        "SIQ_MESH_SECRET": MESH,
        "SIQ_POSTGRES_URL": postgres_url,
    }
    # The command runs a loop of its own.
    return await asyncio.to_thread(CliRunner(env=environ).invoke, cli.main.main, words)


async def live(pool: Any, tenant: str) -> None:
    """1,000 people met either rule in the last ten days; treated ones buy more often."""
    experiments = parse_experiments("tenant@1", BODY)
    chance = np.random.default_rng(20261127)
    start = int(time.time() * 1000) - 10 * DAY_MS
    entries: list[Entry] = []
    bought: list[Observation] = []
    for number in range(1_000):
        unit, at_ms = f"u-{number}", start + number * 10 * DAY_MS // 1_000
        for rule in ("rage", "stuck"):
            choice = choose(experiments, Units(person=unit), rule)
            entries += [Entry(tenant, one, f"d{number}", at_ms) for one in choice.exposures]
        in_pay = entries[-2]
        if chance.random() < (0.5 if in_pay.exposure.variant == "chat" else 0.2):
            bought.append(Observation(f"b{number}", "person", unit, "bought", 1.0, at_ms + 1))
    await record(pool, entries)
    await observe(pool, tenant, bought)


async def test_from_the_document_to_the_verdict(
    service: Service, pool: Any, postgres_url: str, tmp_path: Path
):
    tenant = await service.make_tenant()
    early = await run(service, postgres_url, "experiment", "report", "pay", "--tenant", tenant)
    assert early.exit_code == 1
    assert f"sentientiq config put {tenant} experiments FILE" in early.output
    file = tmp_path / "experiments.json"
    file.write_bytes(BODY)
    done = await run(service, postgres_url, "config", "put", tenant, "experiments", str(file))
    assert done.exit_code == 0, done.output
    assert "is now version 1" in done.output

    nobody = await run(service, postgres_url, "experiment", "report", "pay", "--tenant", tenant)
    assert nobody.output.startswith("pay: cannot tell: no unit has counted yet")
    await live(pool, tenant)
    found = await run(
        service, postgres_url, "experiment", "report", "pay", "--tenant", tenant, "--json"
    )
    told: dict[str, Any] = json.loads(found.output)
    assert told["verdict"]["word"] == "ship"
    assert sum(told["report"]["units"]) == 1_000
    assert told["report"]["version"] == "tenant@1"
    lost = await run(service, postgres_url, "experiment", "report", "pya", "--tenant", tenant)
    assert "known are learn, pay" in lost.output


async def test_what_does_not_fit_the_policy_is_not_put(
    service: Service, postgres_url: str, tmp_path: Path
):
    tenant, file = await service.make_tenant(), tmp_path / "document"
    arms = [{"name": "control", "act": "nothing"}, {"name": "offer", "act": "offer@1"}]
    file.write_bytes(body(pay=experiment(rule="shop", variants=arms)))
    put = ("put", tenant)
    early = await run(service, postgres_url, "config", *put, "experiments", str(file))
    assert early.exit_code == 0, "no rule meets it yet"
    action = {"name": "help", "type": "support", "template": "help@1"}
    policy = {"policy": 2, "rules": [{"name": "shop", "do": [action]}]}
    file.write_text(json.dumps(policy))
    refused = await run(service, postgres_url, "policy", *put, str(file))
    assert refused.exit_code == 1
    assert "variants.offer.act: offer@1 is a template for discount" in refused.output
    action |= {"type": "discount", "template": "offer@1"}
    file.write_text(json.dumps(policy))
    assert (await run(service, postgres_url, "policy", *put, str(file))).exit_code == 0
    arms[1]["act"] = "help@1"
    file.write_bytes(body(pay=experiment(rule="shop", variants=arms)))
    refused = await run(service, postgres_url, "config", *put, "experiments", str(file))
    assert refused.exit_code == 1
    assert "help@1 is a template for support" in refused.output
    arms[1]["act"] = "none@9"
    file.write_bytes(body(pay=experiment(rule="shop", variants=arms)))
    refused = await run(service, postgres_url, "config", *put, "experiments", str(file))
    assert "has no template 'none@9': add it there first" in refused.output


async def test_shares_follow_the_results_when_told_to(
    service: Service, pool: Any, postgres_url: str, tmp_path: Path
):
    tenant = await service.make_tenant()
    file = tmp_path / "experiments.json"
    file.write_bytes(BODY)
    await run(service, postgres_url, "config", "put", tenant, "experiments", str(file))
    await live(pool, tenant)
    ask = ("experiment", "reweigh", "learn", "--tenant", tenant)
    done = await run(service, postgres_url, *ask, "--json")
    told: dict[str, Any] = json.loads(done.output)
    assert told["version"] == 1
    assert sum(told["shares"].values()) == pytest.approx(1)
    assert min(told["shares"].values()) >= 0.1 - 1e-9
    again = await run(service, postgres_url, *ask)
    assert again.output.startswith("learn: version 2, ")
    shares = Shares(pool)
    await shares.read()
    in_force = shares.of(tenant, parse_experiments("tenant@1", BODY))
    assert list(in_force["learn"]) == pytest.approx(list(told["shares"].values()), abs=0.01)
    refused = await run(service, postgres_url, "experiment", "reweigh", "pay", "--tenant", tenant)
    assert refused.exit_code == 1
    assert "pay is not adaptive" in refused.output


async def test_postgresql_away_is_said(service: Service, tmp_path: Path):
    tenant = await service.make_tenant()
    file = tmp_path / "experiments.json"
    file.write_bytes(BODY)
    nowhere = f"postgresql://nobody@/nothing?host={tmp_path}"
    await run(service, nowhere, "config", "put", tenant, "experiments", str(file))
    done = await run(service, nowhere, "experiment", "report", "pay", "--tenant", tenant)
    assert done.exit_code == 1
    assert "is SIQ_POSTGRES_URL right?" in done.output


async def test_what_people_paid_decides(
    service: Service, pool: Any, postgres_url: str, tmp_path: Path
):
    tenant, file = await service.make_tenant(), tmp_path / "experiments.json"
    metrics = [
        {"name": "revenue", "kind": "mean", "of": "paid_usd", "role": "primary", "cuped": True},
        {"name": "bought", "role": "secondary"},
    ]
    file.write_bytes(body(pay=experiment(metrics=metrics, plan={"mde": 1.0, "units": 1_000})))
    put = await run(service, postgres_url, "config", "put", tenant, "experiments", str(file))
    assert put.exit_code == 0, put.output
    experiments = parse_experiments("tenant@1", file.read_bytes())
    start = int(time.time() * 1000) - 10 * DAY_MS
    entries: list[Entry] = []
    payments: list[ipb.Transaction] = []
    for number in range(600):
        unit = f"u-{number}"
        choice = choose(experiments, Units(person=unit), "rage")
        entries += [Entry(tenant, one, f"d{number}", start) for one in choice.exposures]
        helped = choice.exposures[-1].variant == "chat"
        # Whoever was helped pays $20, who was not $10; each fifth gets half of it back. Everybody
        # had paid $3 a day before.
        payments += [
            _paid(f"before-{number}", unit, 300, "PURCHASE", start - DAY_MS),
            _paid(f"p-{number}", unit, 2_000 if helped else 1_000, "PURCHASE", start + 60_000),
        ]
        if number % 5 == 0:
            back = 1_000 if helped else 500
            refund = _paid(f"r-{number}", unit, back, "REFUND", start + DAY_MS)
            refund.refers_to = f"p-{number}"
            payments.append(refund)
    payments.append(_paid("stranger", "somebody", 99_999, "PURCHASE", start + 60_000))
    await record(pool, entries)
    for begin in range(0, len(payments), 1_000):
        await service.identity.RecordTransactions(
            ipb.RecordTransactionsRequest(
                tenant_id=tenant, transactions=payments[begin : begin + 1_000]
            )
        )
    words = ("experiment", "report", "pay", "--tenant", tenant, "--json")
    found = await run(service, postgres_url, *words)
    assert found.exit_code == 0, found.output
    told: dict[str, Any] = json.loads(found.stdout)
    assert told["verdict"]["word"] == "ship"
    revenue = next(one for one in told["report"]["comparisons"] if one["metric"] == "revenue")
    # 10 and 20, of which a fifth of the people got half back.
    assert revenue["control"] == pytest.approx(9.0, abs=0.2)
    assert revenue["treated"] == pytest.approx(18.0, abs=0.4)
    # As of a moment after the payments, before the refunds.
    at = datetime.fromtimestamp(start / 1000 + 3_600, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    found = await run(service, postgres_url, *words, "--at", at)
    assert found.exit_code == 0, found.output
    (early,) = (
        one
        for one in json.loads(found.stdout)["report"]["comparisons"]
        if one["metric"] == "revenue"
    )
    assert early["control"] == pytest.approx(10.0)
    assert early["treated"] == pytest.approx(20.0)
    # What people paid is identity's: an erasure there reaches the reports.
    assert not await pool.fetchval(
        "SELECT count(*) FROM experiment_observations WHERE tenant_id = $1", tenant
    )


def _paid(name: str, user: str, minor: int, kind: str, at_ms: int) -> ipb.Transaction:
    one = ipb.Transaction(
        transaction_id=name,
        user_id=user,
        amount=ipb.Money(currency="USD", minor=minor),
        kind=ipb.TransactionKind.Value(f"TRANSACTION_KIND_{kind}"),
    )
    one.occurred_at.FromMilliseconds(at_ms)
    return one
