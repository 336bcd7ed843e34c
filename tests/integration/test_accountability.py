"""Accountability as a process, on a real PostgreSQL and a real log."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import grpc
import grpc.aio
import pytest
from sentientiq.accountability.v1 import accountability_service_pb2 as apb
from sentientiq.accountability.v1 import accountability_service_pb2_grpc as rpc
from sentientiq.identity.v1.identity_service_pb2 import Money
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services import accountability
from services.accountability.ledger import Ledger
from services.accountability.lifecycle import Fact, FactKind, Terms
from services.accountability.store import HeardFact, Key, Recommendation, Store
from services.common import postgres
from services.common.auth import make_token
from services.common.channels import connect
from services.common.consumer import Delivery
from services.common.log import DECISION, OUTCOME, Append, EventLog, Record, open_log
from services.common.log.port import session_append
from tests.engines.running import MESH_SECRET, Running, free_address

State = apb.RecommendationState
_driver: Any = asyncpg  # without stubs


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Line:
    """A running accountability, the log it reads, and callers."""

    def __init__(self, postgres_url: str, log_url: str) -> None:
        self.env = {
            "SIQ_POSTGRES_URL": postgres_url,
            "SIQ_LOG_URL": log_url,
            "SIQ_TIMER_INTERVAL_S": "0.05",
            "SIQ_TIMER_GRACE_S": "0.2",
        }
        self.log: EventLog = open_log(log_url)
        self.channels: list[grpc.aio.Channel] = []

    async def start(self) -> None:
        self.address = free_address()
        self.running = Running("services.accountability", {**self.env, "SIQ_LISTEN": self.address})
        await self.running.ready(self.address)
        self.stub = self.caller("*")

    def caller(self, tenant_id: str) -> Any:  # the stub's types are those of a blocking one
        token = make_token(MESH_SECRET, subject="test", tenant_id=tenant_id)
        self.channels.append(connect(self.address, token))
        return rpc.AccountabilityServiceStub(self.channels[-1])

    async def close(self) -> None:
        self.running.stop()
        for channel in self.channels:
            await channel.close()
        await self.log.close()

    async def decide(
        self, tenant: str, decision: str, *, due_in_ms: int = 60_000, person: str = "ceo"
    ) -> int:
        """Append a decision that asks somebody to act; when it was decided."""
        at_ms = now_ms()
        message = pb.Decision(
            id=decision,
            tenant_id=tenant,
            session_id="s1",
            company="globex.example",
            value=Money(currency="USD", minor=10_000_000),
            decided_at_ms=at_ms,
            recommendation=pb.Recommendation(person_id=person, due_at_ms=at_ms + due_in_ms),
        )
        await self._append(DECISION, tenant, [message.SerializeToString()])
        return at_ms

    async def tell(
        self, tenant: str, decision: str, kinds: Sequence[str], *, at_ms: int, times: int = 1
    ) -> None:
        """Append outcomes, a millisecond apart, as often as told."""
        values = [
            pb.Outcome(
                id=f"{decision}-{kind}",
                tenant_id=tenant,
                session_id="s1",
                decision_id=decision,
                kind=pb.OutcomeKind.Value(f"OUTCOME_KIND_{kind}"),
                occurred_at_ms=at_ms + place,
                person_id="ceo",
                channel="sms",
            ).SerializeToString()
            for place, kind in enumerate(kinds)
        ]
        for value in values * times:
            await self._append(OUTCOME, tenant, [value])

    async def _append(self, topic: str, tenant: str, values: Sequence[bytes]) -> None:
        await self.log.append([session_append(topic, tenant, "s1", value, {}) for value in values])

    async def get(self, tenant: str, decision: str) -> apb.RecommendationRecord | None:
        request = apb.GetRecommendationRequest(tenant_id=tenant, decision_id=decision)
        try:
            return (await self.stub.GetRecommendation(request)).recommendation
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return None

    async def reaches(
        self, tenant: str, decision: str, state: apb.RecommendationState.ValueType
    ) -> apb.RecommendationRecord:
        """Wait until a recommendation is in the state."""
        record = None
        try:
            async with asyncio.timeout(15):
                while (record := await self.get(tenant, decision)) is None or record.state != state:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"{decision} did not reach {State.Name(state)}: {record}")
        return record


@pytest.fixture
async def line(postgres_url: str, log_url: str) -> AsyncGenerator[Line]:
    running = Line(postgres_url, log_url)
    await running.start()
    yield running
    await running.close()


def history(record: apb.RecommendationRecord) -> list[str]:
    prefix = "RECOMMENDATION_STATE_"
    return [State.Name(step.state).removeprefix(prefix) for step in record.transitions]


async def test_from_open_to_acted(line: Line) -> None:
    at_ms = await line.decide("acme", "d1")
    record = await line.reaches("acme", "d1", apb.RECOMMENDATION_STATE_OPEN)
    assert record.value == Money(currency="USD", minor=10_000_000)
    await line.tell("acme", "d1", ["SENT", "DELIVERED", "SEEN", "ACTED"], at_ms=at_ms + 1_000)
    record = await line.reaches("acme", "d1", apb.RECOMMENDATION_STATE_ACTED)
    assert history(record) == ["OPEN", "DELIVERED", "SEEN", "ACTED"]
    assert [step.outcome_id for step in record.transitions] == [
        "",
        "d1-DELIVERED",
        "d1-SEEN",
        "d1-ACTED",
    ]
    assert [step.at_ms - at_ms for step in record.transitions] == [0, 1_001, 1_002, 1_003]


async def test_outcomes_before_the_decision_and_repeated(line: Line) -> None:
    at_ms = now_ms() + 10
    await line.tell("early", "d1", ["ACTED", "SEEN", "DELIVERED"], at_ms=at_ms, times=3)
    # Another recommendation tells when the outcomes have been taken.
    await line.decide("early", "d2")
    await line.tell("early", "d2", ["DELIVERED"], at_ms=at_ms)
    await line.reaches("early", "d2", apb.RECOMMENDATION_STATE_DELIVERED)
    assert await line.get("early", "d1") is None
    await line.decide("early", "d1")
    record = await line.reaches("early", "d1", apb.RECOMMENDATION_STATE_ACTED)
    assert history(record) == ["OPEN", "ACTED"]
    await line.decide("early", "d1")
    await line.tell("early", "d2", ["ACTED"], at_ms=at_ms)
    await line.reaches("early", "d2", apb.RECOMMENDATION_STATE_ACTED)
    card = await line.stub.GetScorecard(apb.GetScorecardRequest(tenant_id="early"))
    assert card.total == 2


async def test_what_is_due_expires_or_is_ignored_until_acted_on(line: Line) -> None:
    at_ms = await line.decide("due", "unheard", due_in_ms=300)
    await line.decide("due", "heard", due_in_ms=300)
    await line.tell("due", "heard", ["DELIVERED"], at_ms=at_ms + 10)
    expired = await line.reaches("due", "unheard", apb.RECOMMENDATION_STATE_EXPIRED)
    assert history(expired) == ["OPEN", "EXPIRED"]
    assert expired.transitions[1].at_ms == expired.due_at_ms
    await line.reaches("due", "heard", apb.RECOMMENDATION_STATE_IGNORED)
    await line.tell("due", "heard", ["ACTED"], at_ms=at_ms + 5_000)
    late = await line.reaches("due", "heard", apb.RECOMMENDATION_STATE_ACTED_LATE)
    assert history(late) == ["OPEN", "DELIVERED", "IGNORED", "ACTED_LATE"]


async def test_timers_and_places_survive_a_kill(line: Line) -> None:
    at_ms = await line.decide("kill", "timed", due_in_ms=1_500)
    await line.decide("kill", "acted", due_in_ms=1_500)
    await line.tell("kill", "timed", ["DELIVERED"], at_ms=at_ms + 5)
    await line.reaches("kill", "timed", apb.RECOMMENDATION_STATE_DELIVERED)
    await line.reaches("kill", "acted", apb.RECOMMENDATION_STATE_OPEN)
    line.running.kill()
    # In time, but only heard of after the due time has passed: it must never be called expired.
    await line.tell("kill", "acted", ["ACTED"], at_ms=at_ms + 20)
    while now_ms() < at_ms + 1_500:
        await asyncio.sleep(0.05)
    await line.start()
    record = await line.reaches("kill", "timed", apb.RECOMMENDATION_STATE_IGNORED)
    assert history(record) == ["OPEN", "DELIVERED", "IGNORED"]
    acted = await line.get("kill", "acted")
    assert acted is not None
    assert history(acted) == ["OPEN", "ACTED"]


async def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(line: Line) -> None:
    before = sum((await line.log.ends(f"{OUTCOME}.dead")).values())
    nameless = pb.Outcome(tenant_id="poison", decision_id="d1", kind=pb.OUTCOME_KIND_ACTED)
    for value in (b"\xff\xff\xff", nameless.SerializeToString()):
        await line.log.append([Append(OUTCOME, 5, [Record(b"k", value)])])
    at_ms = await line.decide("poison", "d1")
    await line.tell("poison", "d1", ["DELIVERED"], at_ms=at_ms)
    await line.reaches("poison", "d1", apb.RECOMMENDATION_STATE_DELIVERED)
    async with asyncio.timeout(10):
        while sum((await line.log.ends(f"{OUTCOME}.dead")).values()) < before + 2:
            await asyncio.sleep(0.02)
    dead = await line.log.read(f"{OUTCOME}.dead", {5: 0})
    assert [record.headers["reason"] != "" for entry in dead for record in entry.records]


async def test_pages_newest_first(line: Line) -> None:
    for number in range(5):
        await line.decide("pages", f"d{number}", person="ceo" if number % 2 else "sales")
    await line.reaches("pages", "d4", apb.RECOMMENDATION_STATE_OPEN)
    found: list[str] = []
    token = ""
    while True:
        page = await line.stub.ListRecommendations(
            apb.ListRecommendationsRequest(tenant_id="pages", page_size=2, page_token=token)
        )
        assert len(page.recommendations) <= 2
        found += [record.decision_id for record in page.recommendations]
        token = page.next_page_token
        if not token:
            break
    assert sorted(found) == [f"d{number}" for number in range(5)]
    whole = await line.stub.ListRecommendations(apb.ListRecommendationsRequest(tenant_id="pages"))
    moments = [record.transitions[0].at_ms for record in whole.recommendations]
    assert moments == sorted(moments, reverse=True)
    assert [record.decision_id for record in whole.recommendations] == found
    sales = await line.stub.ListRecommendations(
        apb.ListRecommendationsRequest(tenant_id="pages", person_id="sales")
    )
    assert {record.decision_id for record in sales.recommendations} == {"d0", "d2", "d4"}


async def test_scorecard_counts_and_takes_the_median(line: Line) -> None:
    for decision, after_ms in (("d1", 100), ("d2", 200), ("d3", 900)):
        at_ms = await line.decide("card", decision)
        await line.tell("card", decision, ["ACTED"], at_ms=at_ms + after_ms)
        await line.reaches("card", decision, apb.RECOMMENDATION_STATE_ACTED)
    await line.decide("card", "d4", person="sales")
    await line.reaches("card", "d4", apb.RECOMMENDATION_STATE_OPEN)
    card = await line.stub.GetScorecard(apb.GetScorecardRequest(tenant_id="card"))
    counts = [(item.state, item.count) for item in card.counts]
    assert counts == [(apb.RECOMMENDATION_STATE_OPEN, 1), (apb.RECOMMENDATION_STATE_ACTED, 3)]
    assert (card.total, card.median_time_to_act_ms) == (4, 200)
    sales = await line.stub.GetScorecard(
        apb.GetScorecardRequest(tenant_id="card", person_id="sales")
    )
    assert (sales.total, sales.median_time_to_act_ms) == (1, 0)
    nobody = await line.stub.GetScorecard(apb.GetScorecardRequest(tenant_id="nobody"))
    assert (nobody.total, list(nobody.counts)) == (0, [])


async def test_scorecard_of_a_period(line: Line) -> None:
    moments: list[int] = []
    for decision in ("d1", "d2", "d3"):
        moments.append(await line.decide("period", decision))
        await line.reaches("period", decision, apb.RECOMMENDATION_STATE_OPEN)
        while now_ms() == moments[-1]:
            await asyncio.sleep(0.001)
    for since_ms, until_ms, total in (
        (0, 0, 3),
        (moments[1], 0, 2),
        (0, moments[1], 1),
        (moments[1], moments[2], 1),
        (moments[2] + 1, 0, 0),
    ):
        card = await line.stub.GetScorecard(
            apb.GetScorecardRequest(tenant_id="period", since_ms=since_ms, until_ms=until_ms)
        )
        assert card.total == total, (since_ms, until_ms)
    for since_ms, until_ms in ((-1, 0), (0, -1), (5, 5), (9, 5)):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await line.stub.GetScorecard(
                apb.GetScorecardRequest(tenant_id="period", since_ms=since_ms, until_ms=until_ms)
            )
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_refuses_other_tenants_and_malformed_requests(line: Line) -> None:
    await line.decide("mine", "d1")
    await line.reaches("mine", "d1", apb.RECOMMENDATION_STATE_OPEN)
    theirs = line.caller("theirs")
    refused = [
        (
            theirs.GetRecommendation(
                apb.GetRecommendationRequest(tenant_id="mine", decision_id="d1")
            ),
            grpc.StatusCode.PERMISSION_DENIED,
        ),
        (
            theirs.GetRecommendation(
                apb.GetRecommendationRequest(tenant_id="theirs", decision_id="d1")
            ),
            grpc.StatusCode.NOT_FOUND,
        ),
        (line.stub.GetScorecard(apb.GetScorecardRequest()), grpc.StatusCode.INVALID_ARGUMENT),
        (
            line.stub.ListRecommendations(
                apb.ListRecommendationsRequest(tenant_id="mine", page_token="nonsense")
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            line.stub.ListRecommendations(
                apb.ListRecommendationsRequest(tenant_id="mine", page_size=1_001)
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
    ]
    for call, code in refused:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is code


async def test_lost_connections_are_made_anew(line: Line, postgres_url: str) -> None:
    await line.decide("cut", "d1")
    await line.reaches("cut", "d1", apb.RECOMMENDATION_STATE_OPEN)
    connection = await _driver.connect(postgres_url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid != pg_backend_pid() AND backend_type = 'client backend'"
        )
    finally:
        await connection.close()
    at_ms = await line.decide("cut", "d2")
    await line.tell("cut", "d2", ["ACTED"], at_ms=at_ms + 1)
    async with asyncio.timeout(15):
        while True:
            # UNAVAILABLE for a moment is an honest answer.
            with contextlib.suppress(grpc.aio.AioRpcError):
                if await line.get("cut", "d2"):
                    break
            await asyncio.sleep(0.05)
    await line.reaches("cut", "d2", apb.RECOMMENDATION_STATE_ACTED)


async def test_what_a_clock_has_found_stands_for_a_process_that_has_just_begun(
    postgres_url: str,
) -> None:
    folder = Path(accountability.__file__).with_name("migrations")
    await postgres.migrate(postgres_url, "accountability", folder)
    pool = await postgres.connect(postgres_url, schema="accountability")
    heard_until_ms = 6_000
    try:
        store = Store(pool)
        ledger = Ledger(store, lambda: heard_until_ms)
        key = Key("clock", "d1")
        asked = Recommendation(key, "s1", "ceo", "", None, Terms(1_000, 5_000))
        late = HeardFact(key, Fact("o1", FactKind.DELIVERED, 5_500), "", "sms", "")
        await store.record_recommendations([asked])
        assert await ledger.apply_timers() == 1
        heard_until_ms = 0
        await ledger.apply_outcomes([Delivery(late, 0, 1, Record(b"", b""))])
        standing = await store.get(key)
        assert standing is not None
        assert [step.state.name for step in standing.steps] == ["OPEN", "EXPIRED"]
        assert await ledger.apply_timers() == 0
    finally:
        await pool.close()


async def test_sigterm_ends_it_quietly(line: Line) -> None:
    begun = time.monotonic()
    assert line.running.stop() == 0
    assert time.monotonic() - begun < 5
