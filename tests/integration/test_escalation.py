"""Nobody acknowledges: who is asked next, when, and what stops it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import pytest
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.answering.links import Links
from tests.integration.intervene_phone import Phone
from tests.integration.intervention_line import (
    MESH,
    Directory,
    Line,
    Ports,
    link_of,
    process,
    until,
)

POLICY = """
policy: 2
rules:
  - name: rage
    when: {emotion: rage}
    do:
      - name: call
        type: escalation
        template: alert@1
        target: team
        priority: critical
        to: ["role:ceo"]
        escalate:
          - {after_s: 1, to: ["on_call:success", "role:backup"]}
          - {after_s: 1, to: ["on_call:success", "role:backup"]}
          - {after_s: 1, to: ["on_call:success", "role:backup"]}
guards: {cooldowns: []}
"""
ROTAS = """
on_call: 1
rotas:
  - {name: success, zone: Europe/Vienna, people: [p-success], each: week, from: 2020-01-06}
"""


@pytest.fixture(scope="module")
def ports(
    postgres_url: str, state_url: str, log_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ports]:
    """Both processes, for all tests of the module."""
    made = Ports()
    environment = made.environment(postgres_url, state_url, log_url) | {
        "SIQ_PAGERDUTY_URL": f"http://127.0.0.1:{made.sandbox}",
        "SIQ_ACT_WINDOW_S": "0.2",
    }
    sandbox = {"SIQ_HTTP_LISTEN": f"127.0.0.1:{made.sandbox}"}
    folder: Path = tmp_path_factory.mktemp("escalation")
    with (
        process("services.sandbox", sandbox, folder / "sandbox.log"),
        process("services.intervention", environment, folder / "intervention.log"),
    ):
        yield made


@pytest.fixture
async def line(ports: Ports, log_url: str) -> AsyncGenerator[Line, None]:
    """A tenant of its own whose policy escalates, and a team of three."""
    directory = Directory()
    server = await directory.serve(ports.directory)
    made = Line(ports, directory, log_url)
    await directory.watched.wait()
    staff(made, POLICY)
    yield made
    await made.close()
    await server.stop(None)


def staff(line: Line, policy: str) -> None:
    """Give the tenant a policy, a rota and a team."""
    line.directory.put_policy(line.tenant, policy)
    line.directory.put(line.tenant, "on_call", ROTAS)
    line.person()
    for role in ("success", "backup"):
        line.person(("sms", phone_of(line, role)), role=role)


def phone_of(line: Line, role: str) -> str:
    """A number of this tenant's own."""
    return f"{line.phone}{len(role)}"


async def text_to(line: Line, role: str) -> dict[str, Any]:
    """The first text to a role."""
    return await line.one_message(phone_of(line, role))


async def decided(line: Line, session: str = "s1") -> pb.Decision:
    """A rage under the tenant's policy."""
    decision = await line.decide(line.emotion(session), line.identity(session))
    assert decision.policy_version == "tenant@1", "the policy is in force from the first one on"
    return decision


async def test_nobody_answers_and_the_next_ones_are_asked_once_each(line: Line) -> None:
    decision = await decided(line)
    assert [one.after_ms for one in decision.recommendation.escalation] == [1000] * 3
    first = await line.one_message()
    second = await text_to(line, "success")
    assert second["body"].startswith("NO ANSWER FOR ")
    third = await text_to(line, "backup")
    assert len({link_of(one["body"]) for one in (first, second, third)}) == 3

    async def asked() -> list[pb.Outcome]:
        found = await line.outcomes(pb.OUTCOME_KIND_ESCALATED)
        return found if len(found) == 2 else []

    escalated = await until(asked)
    assert [(one.person_id, one.detail, one.decision_id) for one in escalated] == [
        ("p-success", "step 1", decision.id),
        ("p-backup", "step 2", decision.id),
    ]
    at_ms = [decision.decided_at_ms, *(one.occurred_at_ms for one in escalated)]
    assert all(later - earlier >= 1_000 for earlier, later in itertools.pairwise(at_ms))
    # Whoever answers, answers for all: the first one's page says so.
    path = link_of(third["body"])
    nonce = (await line.pages.post(f"{path}/seen", json={})).json()["nonce"]
    body = {"act": "done", "nonce": nonce}
    assert (await line.pages.post(f"{path}/act", json=body)).status_code == 200
    assert (await line.pages.get(f"{link_of(first['body'])}/live")).json()["closed"]
    page = (await line.pages.get(link_of(second["body"]))).text
    assert "Nobody had answered, so you were asked too." in page
    for role in ("success", "backup"):
        assert len(await line.received(phone_of(line, role))) == 1


async def test_who_looks_stops_it(line: Line) -> None:
    await decided(line)
    path = link_of((await line.one_message())["body"])
    assert (await line.pages.post(f"{path}/seen", json={})).status_code == 200
    # Another visitor's escalation goes its way: by then the stopped one would have, too.
    await decided(line, "s2")
    await text_to(line, "success")
    await text_to(line, "backup")
    escalated = await line.outcomes(pb.OUTCOME_KIND_ESCALATED)
    assert {one.session_id for one in escalated} == {"s2"}


async def handed_over(line: Line) -> None:
    """The first one looks, and hands it over to the second."""
    phone = Phone(line, link_of((await line.one_message())["body"]))
    await phone.see()
    await phone.tap("hand_over", to=Links(MESH).person_tag("p-success").hex())


async def handed_texts(line: Line) -> list[str]:
    """What the second one got by a hand-over."""
    texts = await line.received(phone_of(line, "success"))
    return [one["body"] for one in texts if "hands this over to you" in one["body"]]


async def test_a_colleague_who_does_not_answer_is_not_the_last_one(line: Line) -> None:
    decision = await decided(line)
    await handed_over(line)
    await until(lambda: handed_texts(line))
    text = await text_to(line, "backup")
    assert text["body"].startswith("NO ANSWER FOR ")
    (escalated,) = await until(lambda: line.outcomes(pb.OUTCOME_KIND_ESCALATED))
    assert (escalated.person_id, escalated.decision_id) == ("p-backup", decision.id)
    (handed,) = await line.outcomes(pb.OUTCOME_KIND_HANDED_OVER)
    assert escalated.occurred_at_ms - handed.occurred_at_ms >= 1_000


@pytest.mark.parametrize("before", [False, True], ids=["new to it", "had looked before"])
async def test_a_colleague_who_looks_is_the_last_one(line: Line, before: bool) -> None:
    # Time enough for the message to come, and to be looked at.
    line.tenant += "-slow"
    staff(line, POLICY.replace("after_s: 1,", "after_s: 3,"))
    await decided(line)
    if before:
        await Phone(line, link_of((await text_to(line, "success"))["body"])).see()
    await handed_over(line)
    (body,) = await until(lambda: handed_texts(line))
    await Phone(line, link_of(body)).see()
    await asyncio.sleep(4)
    assert not await line.received(phone_of(line, "backup"))


async def test_a_thread_that_was_forgotten_holds_up_nobody(line: Line, postgres_url: str) -> None:
    first = await decided(line, "s7")
    await text_to(line, "success")
    # What guards remember of the visitor may outlive the decision.
    driver: Any = asyncpg  # without stubs
    pool = await driver.connect(postgres_url)
    try:
        for table, name in (("messages", "decision_id"), ("interventions", "decision_id"),
                            ("decisions", "id")):  # fmt: skip
            await pool.execute(f"DELETE FROM intervention.{table} WHERE {name} = $1", first.id)
    finally:
        await pool.close()
    later = line.emotion("s7", detected_at_ms=time.time_ns() // 1_000_000)
    folded = await line.decide(later, line.identity("s7"))
    assert folded.recommendation.thread_id == first.id
    await line.decide(line.emotion("s8"), line.identity("s8"))
    assert len(await until(lambda: _texts(line, 2))) >= 2


async def paged(line: Line) -> tuple[pb.Decision, pb.Decision, str, str]:
    """The first one is seen, what joins it is not, and whoever is asked next has a pager.

    Returns both, and the path of the page with a nonce to act there.
    """
    people = line.directory.people[line.tenant]
    (backup,) = [one for one in people if one.role == "success"]
    backup.channels.add(kind="pagerduty", address=routing_key(line))
    first = await decided(line)
    path = link_of((await line.one_message())["body"])
    nonce: str = (await line.pages.post(f"{path}/seen", json={})).json()["nonce"]
    later = line.emotion("s1", detected_at_ms=time.time_ns() // 1_000_000)
    folded = await line.decide(later, line.identity("s1"))
    assert folded.recommendation.thread_id == first.id
    return first, folded, path, nonce


def routing_key(line: Line) -> str:
    """A pager of this tenant's own."""
    return f"{line.tenant:R<32}"


async def events(line: Line) -> list[tuple[str, str]]:
    """What PagerDuty was told, when it was told twice."""

    async def both() -> list[tuple[str, str]]:
        found = [one["details"] for one in await line.received(routing_key(line))]
        told = [(one["event_action"], one["dedup_key"]) for one in found]
        return told if len(told) >= 2 else []

    told: list[tuple[str, str]] = await until(both)
    return told


async def test_what_joined_and_was_escalated_is_settled_as_the_incident_it_opened(
    line: Line,
) -> None:
    first, *_ = await paged(line)
    theirs = link_of((await text_to(line, "success"))["body"])
    assert (await line.pages.post(f"{theirs}/seen", json={})).status_code == 200
    key = f"siq:{line.tenant}:{first.id}"
    assert await events(line) == [("trigger", key), ("acknowledge", key)]


async def test_what_joined_and_is_paged_after_its_thread_was_done_is_settled(line: Line) -> None:
    slow = {"provider": "pagerduty", "delay_ms": 2_000}
    assert (await line.sandbox.post("/api/faults", json=slow)).status_code < 300
    first, folded, path, nonce = await paged(line)

    async def asked() -> bool:
        found = await line.outcomes(pb.OUTCOME_KIND_ESCALATED)
        return folded.id in {one.decision_id for one in found}

    await until(asked)
    body = {"act": "done", "nonce": nonce}
    assert (await line.pages.post(f"{path}/act", json=body)).status_code == 200

    async def answered() -> bool:
        acted = await line.outcomes(pb.OUTCOME_KIND_ACTED)
        return folded.id in {one.decision_id for one in acted}

    await until(answered)
    # That was before PagerDuty took the page: nothing could be settled by it.
    key = f"siq:{line.tenant}:{first.id}"
    assert await events(line) == [("trigger", key), ("resolve", key)]


async def _texts(line: Line, count: int) -> list[dict[str, Any]]:
    found = await line.received(phone_of(line, "success"))
    return found if len(found) >= count else []


async def test_one_episode_texts_a_person_once_whatever_comes_in(line: Line) -> None:
    emotion, identity = line.emotion("s1"), line.identity("s1")
    answers = await asyncio.gather(*(line.decide(emotion, identity) for _ in range(10)))
    emotion.rev, emotion.confidence = 2, 97
    await line.decide(emotion, identity)
    third = line.emotion("s1", detected_at_ms=time.time_ns() // 1_000_000)
    folded = await line.decide(third, identity)
    assert folded.recommendation.thread_id == answers[0].id
    await text_to(line, "success")
    assert len(await line.received()) == 1
    assert len(await line.received(phone_of(line, "success"))) == 1
    path = link_of((await line.received())[0]["body"])

    async def told() -> bool:
        live = (await line.pages.get(f"{path}/live")).json()
        return bool(live["episodes"] == 2)

    await until(told)
    page = (await line.pages.get(path)).text
    assert "Rage, 97% sure" in page, "the newest revision is told"
    assert "Rage, 97 percent sure" in page, "and drawn"
