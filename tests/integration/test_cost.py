"""What ignoring costs, end to end: a simulated holdout through log, pipeline and identity."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest
from click.testing import CliRunner
from sentientiq.accountability.v1 import cost_service_pb2 as pb
from sentientiq.accountability.v1 import cost_service_pb2_grpc as rpc
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as ipb
from sentientiq.identity.v1 import transaction_service_pb2 as tpb
from sentientiq.identity.v1 import transaction_service_pb2_grpc as trpc
from sentientiq.intervention.v1 import intervention_pb2 as vpb
from sentientiq.tenant.v1 import tenant_service_pb2 as cpb

import cli.main
from cli.up.ports import free_address
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import BEHAVIOR, DECISION, OUTCOME, EventLog, open_log
from services.common.log.port import session_append
from tests.engines.running import Running
from tests.integration.identity_service import MESH, Service
from tests.integration.pipeline_line import until_stored
from tests.unit.services.pipeline.messages import batch

DAY_MS = 86_400_000
PEOPLE = 1_600
HELD = 0.25
LIFT = 0.2


class World:
    """People in rage, of whom chance held a quarter out; help keeps a fifth more of them."""

    def __init__(self, tenant: str) -> None:
        chance = np.random.default_rng(20261127)
        self.tenant = tenant
        self.start_ms = int(time.time() * 1000) - 120 * DAY_MS
        self.held = chance.random(PEOPLE) < HELD
        self.euro = chance.random(PEOPLE) < 0.5
        self.value = np.round(chance.lognormal(9, 0.7, PEOPLE)).astype(int)
        self.bought = chance.random(PEOPLE) < 0.3 + LIFT * ~self.held
        self.renewed = chance.random(PEOPLE) < 0.4 + LIFT * ~self.held

    def decisions(self) -> list[vpb.Decision]:
        return [self._decision(number) for number in range(PEOPLE)]

    def _decision(self, number: int) -> vpb.Decision:
        held = bool(self.held[number])
        made = vpb.Decision(
            id=f"d{number:05d}", tenant_id=self.tenant, session_id=f"s{number}",
            user_id=f"u{number}", rule="rage_help",
            emotion=emotion_pb2.Emotion(
                id=f"e{number}", kind=emotion_pb2.EMOTION_KIND_RAGE, confidence=80
            ),
            action=vpb.DECISION_ACTION_NOTHING if held else vpb.DECISION_ACTION_INTERVENE,
            reason="holdout" if held else "rule", decided_at_ms=self.at_ms(number),
        )  # fmt: skip
        made.value.CopyFrom(
            ipb.Money(currency="EUR" if self.euro[number] else "JPY", minor=int(self.value[number]))
        )
        if not held:
            made.intervention.id = f"i{number}"
        made.arms_met.add(
            experiment="holdout:global", unit_kind="person",
            variant="held" if held else "treated", propensity=HELD if held else 1 - HELD,
        )  # fmt: skip
        return made

    def at_ms(self, number: int) -> int:
        return self.start_ms + number * 1_000

    def purchases(self) -> list[Any]:
        """Told by the page, each twice, a day after the decision."""
        frames = [
            batch(
                1,
                [[21, 0, "Order_Completed", {"order_id": f"o{n}", "total": 20, "currency": "EUR"}]],
                tenant=self.tenant, session=f"s{n}", t0_ms=self.at_ms(n) + DAY_MS,
            )
            for n in np.flatnonzero(self.bought).tolist()
        ]  # fmt: skip
        return frames + frames[:50]

    def renewals(self) -> list[ipb.Transaction]:
        """Told by the tenant's server, without a visit."""
        told: list[ipb.Transaction] = []
        for number in np.flatnonzero(self.renewed).tolist():
            one = ipb.Transaction(
                transaction_id=f"t{number}", user_id=f"u{number}",
                kind=ipb.TRANSACTION_KIND_SUBSCRIPTION,
                amount=ipb.Money(currency="EUR", minor=500),
            )  # fmt: skip
            one.occurred_at.FromMilliseconds(self.at_ms(number) + 20 * DAY_MS)
            told.append(one)
        return told


class Costs:
    """A pipeline and an accountability, and callers."""

    def __init__(self, service: Service, postgres_url: str, log_url: str, folder: Path) -> None:
        self.service, self.log = service, open_log(log_url)
        pipeline, self.address = free_address(), free_address()
        env = {"SIQ_MESH_SECRET": MESH, "SIQ_LOG_URL": log_url}
        self.pipeline = Running(
            "services.pipeline",
            {
                **env, "SIQ_LISTEN": pipeline, "SIQ_BLOCK_INTERVAL_S": "0.1",
                "SIQ_ROLL_INTERVAL_S": "0.1", "SIQ_ANALYTICS_URL": f"chdb://{folder}/analytics",
                "SIQ_ARCHIVE_URL": f"file://{folder}/archive",
            },
        )  # fmt: skip
        self.accountability = Running(
            "services.accountability",
            {
                **env, "SIQ_LISTEN": self.address, "SIQ_POSTGRES_URL": postgres_url,
                "SIQ_PIPELINE_ADDR": pipeline, "SIQ_IDENTITY_ADDR": service.settings.listen,
            },
        )  # fmt: skip
        self._pipeline_address = pipeline
        self._channel = connect(self.address, make_token(MESH, subject="test"))
        self.stub: Any = rpc.CostServiceStub(self._channel)

    async def ready(self) -> None:
        await self.pipeline.ready(self._pipeline_address, 60)
        await self.accountability.ready(self.address, 60)

    async def close(self) -> None:
        self.accountability.stop()
        self.pipeline.stop()
        await self._channel.close()
        await self.log.close()

    async def play(self, world: World) -> None:
        await _append(self.log, DECISION, world.decisions())
        await _append(self.log, BEHAVIOR, world.purchases())
        renewals = world.renewals()
        for start in range(0, len(renewals), 1_000):
            await self.service.identity.RecordTransactions(
                ipb.RecordTransactionsRequest(
                    tenant_id=world.tenant, transactions=renewals[start : start + 1_000]
                ),
                timeout=120,
            )
        for topic in (DECISION, BEHAVIOR):
            await until_stored(self.log, topic, 60)

    async def ask(self, tenant: str, **question: Any) -> pb.IgnoredCost:
        request = pb.GetIgnoredCostRequest(question=pb.CostQuestion(tenant_id=tenant, **question))
        found: pb.IgnoredCost = (await self.stub.GetIgnoredCost(request, timeout=120)).cost
        return found

    async def rows(self, tenant: str, **question: Any) -> list[pb.CostRow]:
        request = pb.ListIgnoredCostRowsRequest(
            question=pb.CostQuestion(tenant_id=tenant, **question)
        )
        return [
            row
            async for part in self.stub.ListIgnoredCostRows(request, timeout=120)
            for row in part.rows
        ]

    async def refused(self, tenant: str, **question: Any) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(tenant, **question)
        return caught.value.code(), caught.value.details() or ""


async def _append(log: EventLog, topic: str, messages: list[Any]) -> None:
    entries = [
        session_append(topic, one.tenant_id, one.session_id, one.SerializeToString(), {})
        for one in messages
    ]
    for start in range(0, len(entries), 500):
        await log.append(entries[start : start + 500])


@pytest.fixture
async def costs(
    service: Service, postgres_url: str, log_url: str, tmp_path: Path
) -> AsyncGenerator[Costs]:
    running = Costs(service, postgres_url, log_url, tmp_path)
    try:
        await running.ready()
        yield running
    finally:
        await running.close()


async def test_a_simulated_holdout_gives_the_right_figures(costs: Costs, tenant: str) -> None:
    world = World(tenant)
    await costs.play(world)
    found = await costs.ask(tenant, emotion=emotion_pb2.EMOTION_KIND_RAGE)
    assert found.method == pb.COST_METHOD_RANDOMISED, found
    assert (found.holdout, found.unit, found.basis) == ("holdout:global", "person", "paid")
    assert (found.ignored.units, found.helped.units) == (world.held.sum(), (~world.held).sum())
    assert found.ignored.happened == world.bought[world.held].sum()
    assert found.helped.happened == world.bought[~world.held].sum()
    assert found.effect.low < LIFT < found.effect.high
    plain = world.bought[~world.held].mean() - world.bought[world.held].mean()
    assert found.effect.value == pytest.approx(plain, abs=0.01)
    (paid,) = found.money
    assert paid.currency == "EUR"
    assert paid.each.low_minor < LIFT * 2_000 < paid.each.high_minor
    assert paid.total.minor == pytest.approx(paid.each.minor * paid.ignored_units, rel=0.01)

    # Every figure opens to its rows.
    rows = await costs.rows(tenant, emotion=emotion_pb2.EMOTION_KIND_RAGE)
    counted = [row for row in rows if not row.left_out]
    assert len(rows) == len(counted) == PEOPLE
    alone = [row for row in counted if row.ignored]
    assert (len(alone), sum(row.happened for row in alone)) == (
        found.ignored.units, found.ignored.happened
    )  # fmt: skip
    credited = [id_ for row in rows for id_ in row.outcome_ids]
    assert len(credited) == len(set(credited)) == world.bought.sum()
    assert {row.propensity for row in rows} == {HELD, 1 - HELD}

    # Renewals come from transactions; money is what was at stake, in each currency by itself.
    renewal = await costs.ask(tenant, outcome="renewal")
    assert renewal.method == pb.COST_METHOD_RANDOMISED
    assert renewal.ignored.happened == world.renewed[world.held].sum()
    assert [one.currency for one in renewal.money] == ["EUR", "JPY"]
    for one, mask in zip(renewal.money, (world.euro, ~world.euro), strict=True):
        assert one.ignored_units == (world.held & mask).sum()
        assert one.each.low_minor < LIFT * world.value[mask].mean() < one.each.high_minor
    assert any("upper bound" in text for text in renewal.warnings)

    await _the_command_says_the_same(costs, tenant, found)
    await _what_is_asked_wrongly_is_named(costs, tenant)


async def _the_command_says_the_same(costs: Costs, tenant: str, found: pb.IgnoredCost) -> None:
    environ = {"SIQ_ACCOUNTABILITY_ADDR": costs.address, "SIQ_MESH_SECRET": MESH}
    words = ["report", "cost", "--tenant", tenant, "--emotion", "rage"]

    async def run(*more: str) -> str:
        runner = CliRunner(env=environ)
        result = await asyncio.to_thread(runner.invoke, cli.main.main, [*words, *more])
        assert result.exit_code == 0, result.output
        return result.output

    told = json.loads(await run("--json"))
    assert told["effect"]["value"] == pytest.approx(found.effect.value)
    assert found.summary in await run()
    lines = (await run("--rows")).splitlines()
    assert len(lines) == PEOPLE
    assert json.loads(lines[0])["decision_id"] == "d00000"


async def _what_is_asked_wrongly_is_named(costs: Costs, tenant: str) -> None:
    cannot = await costs.ask(tenant, emotion=emotion_pb2.EMOTION_KIND_CONFUSION)
    assert cannot.method == pb.COST_METHOD_CANNOT_TELL
    assert not cannot.HasField("effect")
    assert "100 more who were left alone (0 are there)" in cannot.summary
    code, words = await costs.refused(tenant, outcome="applause")
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "churn, purchase, renewal" in words
    code, words = await costs.refused(tenant, holdout="holdout:nobody")
    assert (code, "holdout:global" in words) == (grpc.StatusCode.NOT_FOUND, True)
    code, words = await costs.refused(tenant, since_ms=9, until_ms=3)
    assert (code, "until_ms after since_ms" in words) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    bad = cpb.PutConfigRequest(tenant_id=tenant, kind="outcomes", body=b'{"outcomes": {"x": {}}}')
    await costs.service.tenants.PutConfig(bad)
    code, words = await costs.refused(tenant)
    assert (code, "config put" in words) == (grpc.StatusCode.FAILED_PRECONDITION, True)
    bad.body = b'{"outcomes": {"x": {"track": ["y"]}}}'
    await costs.service.tenants.PutConfig(bad)
    assert costs.pipeline.stop() == 0
    code, words = await costs.refused(tenant)
    assert (code, "SIQ_PIPELINE_ADDR" in words) == (grpc.StatusCode.UNAVAILABLE, True)


async def test_without_a_holdout_it_adjusts_or_cannot_tell(costs: Costs, tenant: str) -> None:
    """The page shows help to some; who is worth more is helped more often, and buys more."""
    chance = np.random.default_rng(7)
    world = World(tenant)
    wealth = (np.log(world.value) - 9) / 0.7
    helped = chance.random(PEOPLE) < 1 / (1 + np.exp(-wealth))
    world.bought = chance.random(PEOPLE) < 1 / (1 + np.exp(0.5 - wealth - 0.8 * helped))
    decisions = world.decisions()
    for number, one in enumerate(decisions):
        one.ClearField("arms_met")
        one.action = vpb.DECISION_ACTION_INTERVENE
        one.intervention.id = f"i{number}"
    shown = [
        vpb.Outcome(
            id=f"shown{n}", tenant_id=tenant, session_id=f"s{n}", intervention_id=f"i{n}",
            kind=vpb.OUTCOME_KIND_SHOWN, occurred_at_ms=world.at_ms(n) + 200,
        )
        for n in np.flatnonzero(helped).tolist()
    ]  # fmt: skip
    await _append(costs.log, DECISION, decisions)
    await _append(costs.log, OUTCOME, shown)
    await _append(costs.log, BEHAVIOR, world.purchases())
    for topic in (DECISION, OUTCOME, BEHAVIOR):
        await until_stored(costs.log, topic, 60)
    found = await costs.ask(tenant)
    assert found.method == pb.COST_METHOD_DOUBLY_ROBUST, found
    assert found.warnings[0].startswith("nobody was held out at random")
    naive = world.bought[helped].mean() - world.bought[~helped].mean()
    rate = 1 / (1 + np.exp(0.5 - wealth[~helped]))
    truth = float((1 / (1 + np.exp(-0.3 - wealth[~helped])) - rate).mean())
    assert found.effect.low < truth < found.effect.high
    assert abs(found.effect.value - truth) < 0.5 * (naive - truth)
    rows = await costs.rows(tenant)
    counted = [row for row in rows if not row.left_out]
    assert sum(row.ignored for row in counted) == found.ignored.units
    assert all(0 < row.propensity < 1 for row in counted)


async def test_transactions_are_listed_in_order_page_by_page(service: Service, tenant: str) -> None:
    world = World(tenant)
    told = world.renewals()[:7]
    for one in told:  # at one moment: their ids decide
        one.occurred_at.FromMilliseconds(world.start_ms)
    await service.identity.RecordTransactions(
        ipb.RecordTransactionsRequest(tenant_id=tenant, transactions=told)
    )
    token = make_token(MESH, subject="test")
    async with connect(service.settings.listen, token) as channel:
        stub: Any = trpc.TransactionServiceStub(channel)
        found: list[str] = []
        request = tpb.ListTransactionsRequest(tenant_id=tenant, page_size=3)
        while True:
            page = await stub.ListTransactions(request)
            found += [one.transaction_id for one in page.transactions]
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        assert found == sorted(one.transaction_id for one in told)
        wrongs: list[dict[str, Any]] = [
            {"page_size": 1_001},
            {"since_ms": 5, "until_ms": 5},
            {"page_token": "x"},
        ]
        for wrong in wrongs:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.ListTransactions(tpb.ListTransactionsRequest(tenant_id=tenant, **wrong))
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    team = make_token(MESH, subject="test", tenant_id=tenant, role="team")
    async with connect(service.settings.listen, team) as channel:
        stub = trpc.TransactionServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListTransactions(tpb.ListTransactionsRequest(tenant_id=tenant))
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
