"""Accountability as a process, on a real PostgreSQL and a real log."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import grpc
import grpc.aio
import pytest
from sentientiq.accountability.v1 import accountability_service_pb2 as apb
from sentientiq.identity.v1.identity_service_pb2 import Money
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services import accountability
from services.accountability.facts import Fact, FactKind, OwnerTerms, Terms
from services.accountability.ledger import Ledger
from services.accountability.reading import Reader
from services.accountability.records import HeardFact, Key, Recommendation
from services.accountability.store import Store
from services.common import postgres
from services.common.consumer import Delivery
from services.common.log import OUTCOME, Append, Record
from tests.integration.accountability_line import Line, history, now_ms

_driver: Any = asyncpg  # without stubs


@pytest.fixture
async def line(postgres_url: str, log_url: str) -> AsyncGenerator[Line]:
    running = Line(postgres_url, log_url)
    await running.start()
    yield running
    await running.close()


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
        asked = Recommendation(key, "s1", "", None, Terms(1_000, 5_000, "ceo"))
        terms = Fact("t1", FactKind.TERMS_SET, 1_001, "ceo", terms=OwnerTerms(5_000, 90_000))
        late = HeardFact(key, Fact("o1", FactKind.DELIVERED, 5_500), "sms")
        await store.record_recommendations([asked])
        assert await ledger.apply_timers() == 0, "nobody knows yet when it falls due"
        await ledger.apply_outcomes([Delivery(HeardFact(key, terms), 0, 1, Record(b"", b""))])
        assert await ledger.apply_timers() == 0, "its terms have found it past due"
        heard_until_ms = 0
        await ledger.apply_outcomes([Delivery(late, 0, 1, Record(b"", b""))])
        standing = await Reader(pool).get(key)
        assert standing is not None
        assert [step.state.name for step in standing.steps] == ["OPEN", "EXPIRED"]
        assert await ledger.apply_timers() == 0
    finally:
        await pool.close()


async def test_sigterm_ends_it_quietly(line: Line) -> None:
    begun = time.monotonic()
    assert line.running.stop() == 0
    assert time.monotonic() - begun < 5
