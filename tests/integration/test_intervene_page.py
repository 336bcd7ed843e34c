"""The intervene page: whose links work, what acts come to, and what can be taken back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import pytest
from aiosmtpd.smtp import SMTP
from click.testing import CliRunner, Result
from sentientiq.behavior.v1 import types_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from cli.outbox import command as outbox
from cli.up.ports import free_port
from hotpath.columns import from_wire
from services.common.log.port import session_append
from services.common.state import left_key, where_key
from services.intervention.answering.links import Links
from tests.integration.intervene_phone import Phone, opened, outcomes, pending, show, visitor
from tests.integration.intervention_line import (
    MESH,
    Directory,
    Line,
    Ports,
    link_of,
    process,
    until,
)
from tests.unit.services.intervention.providers import MailBox

driver: Any = asyncpg  # without stubs
MAIL_PORT = free_port()
WINDOW_S = 1.5
OFFERS = """
policy: 2
rules:
  - name: rage
    when: {emotion: rage}
    do:
      - {name: call, type: escalation, template: alert@1, target: team, to: ["role:ceo"]}
      - name: offer
        type: discount
        template: offer@1
        when: {confidence: 100}
        budget: {name: spring, cost: {USD: 15}}
guards:
  cooldowns: []
  budgets: {spring: {most: {USD: 20}, each: ever}}
"""


@pytest.fixture(scope="module")
def ports(
    postgres_url: str, state_url: str, log_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ports]:
    """Both processes, for all tests of the module."""
    made = Ports()
    environment = made.environment(postgres_url, state_url, log_url) | {
        "SIQ_SMTP_URL": f"smtp://127.0.0.1:{MAIL_PORT}",
        "SIQ_SMTP_FROM": "SentientIQ <help@siq.test>",
        "SIQ_ACT_WINDOW_S": str(WINDOW_S),
    }
    sandbox = {"SIQ_HTTP_LISTEN": f"127.0.0.1:{made.sandbox}"}
    folder: Path = tmp_path_factory.mktemp("page")
    with (
        process("services.sandbox", sandbox, folder / "sandbox.log"),
        process("services.intervention", environment, folder / "intervention.log"),
    ):
        yield made


@pytest.fixture
async def line(ports: Ports, log_url: str) -> AsyncGenerator[Line, None]:
    """A tenant of its own, and the directory it is in."""
    directory = Directory()
    server = await directory.serve(ports.directory)
    made = Line(ports, directory, log_url)
    await directory.watched.wait()
    yield made
    await made.close()
    await server.stop(None)


@pytest.fixture
async def box() -> AsyncGenerator[MailBox, None]:
    """The mail server that the service hands mail to."""
    made, loop = MailBox(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(made, hostname="mx.test", loop=loop), "127.0.0.1", MAIL_PORT
    )
    yield made
    server.close()


async def test_what_a_preview_fetches_changes_nothing(line: Line) -> None:
    line.person()
    await line.decide(line.emotion("s1"), line.identity("s1"))
    path = link_of((await line.one_message())["body"])
    for what in ("", "/live", "/story"):
        for method in ("GET", "HEAD"):
            assert (await line.pages.request(method, path + what)).status_code == 200
    for what in ("/seen", "/act", "/undo", "/close"):
        assert (await line.pages.get(path + what)).status_code == 405
    await outcomes(line, pb.OUTCOME_KIND_DELIVERED)
    kinds = {one.kind for one in await line.outcomes()}
    assert kinds == {pb.OUTCOME_KIND_SENT, pb.OUTCOME_KIND_DELIVERED}
    assert (await Phone(line, path).look())["acts"] == []


async def test_what_reaches_a_live_page_is_felt_and_cannot_be_taken_back(
    line: Line, state_url: str
) -> None:
    phone = await opened(line)
    async with visitor(line, state_url):
        done = await phone.tap("send_offer")
        assert (done["undo"], done["text"]) == (False, "On its way to their screen.")
        await outcomes(line, pb.OUTCOME_KIND_ACTED)
        offer = (await pending(line))["offer@1"]
        await show(line, offer.id)
        told = await phone.state("shown")
        assert told["text"].startswith("On their screen, ")
        refused = await phone.post("undo", id=done["id"])
        assert refused.status_code == 409


async def test_who_has_left_gets_mail_and_is_not_shown_it_too(line: Line, box: MailBox) -> None:
    phone = await opened(line)
    done = await phone.tap("send_offer")
    assert (done["undo"], done["tone"]) == (True, "waiting")
    assert not await line.outcomes(pb.OUTCOME_KIND_ACTED), "it can still be taken back"
    (fell_back,) = await outcomes(line, pb.OUTCOME_KIND_FELL_BACK)
    assert (fell_back.channel, fell_back.detail) == ("email", "email")

    async def mailed() -> bool:
        last = await phone.last()
        return bool(last["state"] == "mailed" and last["tone"] == "good")

    await until(mailed)
    (letter,) = box.letters
    assert letter["to"] == "dana@acme.example"
    assert "We owe you one" in letter["subject"]
    assert "offer@1" not in await pending(line)
    (acted,) = await outcomes(line, pb.OUTCOME_KIND_ACTED)
    assert acted.intervention_id == fell_back.intervention_id


async def test_without_an_address_it_waits_for_the_visitor_and_says_so(line: Line) -> None:
    line.person()
    await line.decide(line.emotion("s1"), line.identity("s1", email=""))
    phone = Phone(line, link_of((await line.one_message())["body"]))
    await phone.see()
    await phone.tap("open_chat")
    (fell_back,) = await outcomes(line, pb.OUTCOME_KIND_FELL_BACK)
    assert fell_back.detail == "no_address"
    assert "no e-mail address" in (await phone.last())["text"]
    assert "chat@1" in await pending(line)


async def test_what_nobody_has_felt_is_taken_back_and_done_again(line: Line) -> None:
    phone = await opened(line)
    first = await phone.tap("send_offer")
    answer = await phone.post("undo", id=first["id"])
    assert answer.status_code == 200
    phone.nonce = answer.json()["nonce"]
    assert "offer@1" not in await pending(line)
    again = await phone.tap("send_offer")
    assert again["id"] != first["id"]
    assert "offer@1" in await pending(line)
    await outcomes(line, pb.OUTCOME_KIND_ACTED)
    (withdrawn,) = await line.outcomes(pb.OUTCOME_KIND_UNDONE)
    assert withdrawn.detail == "send_offer"
    assert len(await line.outcomes(pb.OUTCOME_KIND_ACTED)) == 1
    assert [one["title"] for one in (await phone.look())["acts"]] == [
        "Offer sent: taken back",
        "Offer sent",
    ]


async def test_an_offer_taken_back_gives_its_cost_back_unless_it_was_shown(
    line: Line, postgres_url: str
) -> None:
    line.directory.put_policy(line.tenant, OFFERS)
    phone = await opened(line)

    async def spent() -> int:
        connection: Any = await driver.connect(postgres_url)
        state = await connection.fetchval(
            "SELECT state FROM intervention.guards WHERE tenant_id = $1 AND subject = 'tenant'",
            line.tenant,
        )
        await connection.close()
        return int(json.loads(state)["spent"]["budget:spring:USD"][1])

    first = await phone.tap("send_offer")
    (offer,) = (await pending(line)).values()
    assert await spent() == 1_500
    answer = await phone.post("undo", id=first["id"])
    phone.nonce = answer.json()["nonce"]
    assert await spent() == 0
    # Once: the second time there is nothing to take back. And there is room for another offer.
    assert (await phone.post("undo", id=first["id"])).status_code == 409
    await phone.see()
    assert await spent() == 0
    second = await phone.tap("send_offer")
    assert await spent() == 1_500
    answer = await phone.post("undo", id=second["id"])
    phone.nonce = answer.json()["nonce"]
    # The page had the first one already, and shows it: that was given, whatever the limit.
    await show(line, offer.id)

    async def paid() -> bool:
        return await spent() == 1_500

    await until(paid)
    clicked = pb.Outcome(
        id=f"clicked-{offer.id}", tenant_id=line.tenant, session_id="s1",
        intervention_id=offer.id, kind=pb.OUTCOME_KIND_CLICKED, channel="page",
    )  # fmt: skip
    value = clicked.SerializeToString()
    await line.log.append([session_append("outcome.v1", line.tenant, "s1", value, {})])

    async def told() -> bool:
        acts: list[dict[str, Any]] = (await phone.look())["acts"]
        return acts[0]["state"] == "clicked"

    await until(told)
    assert await spent() == 1_500
    refused = await phone.post("act", act="send_offer")
    assert refused.status_code == 409
    assert "used up" in refused.json()["error"]


async def test_an_answer_closes_the_page_until_it_is_taken_back(line: Line) -> None:
    phone = await opened(line)
    done = await phone.tap("false_alarm")
    assert (await phone.look())["closed"]
    refused = await phone.post("act", act="send_offer")
    assert refused.status_code == 409
    answer = await phone.post("undo", id=done["id"])
    assert answer.status_code == 200
    phone.nonce = answer.json()["nonce"]
    assert not (await phone.look())["closed"]
    await phone.tap("done")
    (acted,) = await outcomes(line, pb.OUTCOME_KIND_ACTED)
    assert acted.detail == "done"
    assert not await line.outcomes(pb.OUTCOME_KIND_DECLINED)


async def test_handed_over_the_colleague_has_a_page_of_their_own(line: Line) -> None:
    colleague = line.person(("sms", "+15550001234"), role=f"support-{line.tenant}")
    phone = await opened(line)
    tag = Links(MESH).person_tag(colleague.person_id).hex()
    page = (await line.pages.get(phone.path)).text
    assert tag in page
    assert colleague.person_id not in page
    refused = await phone.post("act", act="hand_over", to="00")
    assert refused.status_code == 400
    await phone.tap("hand_over", to=tag)

    async def texts() -> list[dict[str, Any]]:
        found = await line.received("+15550001234")
        return [one for one in found if "hands this over to you" in one["body"]]

    (text,) = await until(texts)
    theirs = Phone(line, link_of(text["body"]))
    assert theirs.path != phone.path
    await theirs.see()
    assert "A colleague handed this over to you" in (await line.pages.get(theirs.path)).text
    await theirs.tap("done")
    assert (await phone.look())["closed"], "both look at the same thread"
    (handed,) = await outcomes(line, pb.OUTCOME_KIND_HANDED_OVER)
    assert handed.person_id == colleague.person_id
    assert handed.by_person_id not in ("", colleague.person_id)


async def test_links_that_no_longer_work_say_what_to_do(line: Line) -> None:
    phone = await opened(line)
    decision = (await until(line.decisions))[0]
    expired = Links(MESH).make(decision.id, "p-ceo", expires_at_ms=1_000)
    foreign = Links(MESH).make(decision.id, "p-else", expires_at_ms=2**41)
    gone = Links(MESH).make("00" * 16, "p-ceo", expires_at_ms=2**41)
    for token, title in (
        (expired, "This link has expired"),
        (foreign, "This link is for somebody else"),
        (gone, "Nothing here any more"),
        ("A" * 56, "This link does not work"),
    ):
        page = await line.pages.get(f"/i/{token}")
        assert (page.status_code, title in page.text) == (410, True), title
        assert (await line.pages.post(f"/i/{token}/seen", json={})).status_code == 410
    assert (await phone.post("close")).status_code == 200
    page = await line.pages.get(phone.path)
    assert (page.status_code, "This link has been closed" in page.text) == (410, True)


async def test_operator_closes_a_page(line: Line, postgres_url: str) -> None:
    phone = await opened(line)
    (decision,) = await until(line.decisions)

    def asked(*words: str) -> Result:
        return CliRunner().invoke(outbox, words, env={"SIQ_POSTGRES_URL": postgres_url})

    other = await asyncio.to_thread(asked, "close", "another", decision.id)
    assert other.exit_code == 1
    assert (await line.pages.get(phone.path)).status_code == 200
    done = await asyncio.to_thread(asked, "close", line.tenant, decision.id, "p-ceo")
    assert (done.exit_code, done.output) == (0, "closed for p-ceo\n")
    assert (await line.pages.get(phone.path)).status_code == 410


async def test_who_leaves_the_team_has_no_page_any_more(line: Line) -> None:
    phone = await opened(line)
    line.directory.people[line.tenant] = []

    async def closed() -> bool:
        return (await line.pages.get(phone.path)).status_code == 410

    await until(closed)


async def test_page_tells_when_they_left(line: Line, state_url: str) -> None:
    phone = await opened(line)
    async with visitor(line, state_url) as store:
        live = await phone.look()
        assert (live["here"], live["visible"]) == (True, True)
        await store.delete(where_key(line.tenant, "s1"))
        at_ms = round(time.time() * 1000) - 12_000
        await store.set(left_key(line.tenant, "s1"), at_ms)
        live = await phone.look()
    assert live["here"] is False
    assert 12_000 <= live["left_ms"] < 60_000


async def test_presses_are_drawn_when_they_were(line: Line) -> None:
    line.person()
    emotion = line.emotion("s1")
    columns = from_wire([[3, 200, 640, 460, 1, 0, 1]] * 8, {1: ("button#pay-now", 2)})
    frame = types_pb2.BehaviorBatch(
        tenant_id=line.tenant,
        session_id="s1",
        stream_id="p1",
        seq=3,
        t0_ms=emotion.occurred_at_ms - 1_600,
        count=columns.count,
        columns=columns.blob,
        targets=[types_pb2.Target(descriptor=name, flags=flags) for name, flags in columns.targets],
        strings=columns.strings,
    )
    await line.log.append(
        [session_append("behavior.v1", line.tenant, "s1", frame.SerializeToString(), {})]
    )
    await line.decide(emotion, line.identity("s1"))
    path = link_of((await line.one_message())["body"])

    async def drawn() -> bool:
        return "8 presses in 1.4 s led to it. Then: Rage" in (await line.pages.get(path)).text

    await until(drawn)


async def test_second_episode_joins_the_page_and_texts_nobody(line: Line) -> None:
    phone = await opened(line)
    await phone.tap("done")
    assert (await phone.look())["closed"]
    identity = line.identity("s2", user_id="u-s1")
    second = await line.decide(line.emotion("s2"), identity)
    assert second.recommendation.thread_id

    async def both() -> bool:
        return bool((await phone.look())["episodes"] == 2)

    await until(both)
    assert not (await phone.look())["closed"], "what is new can be answered"
    (folded,) = await outcomes(line, pb.OUTCOME_KIND_FOLDED)
    assert (folded.decision_id, folded.detail) == (second.id, second.recommendation.thread_id)
    assert len(await line.received()) == 1
    await phone.see()
    await phone.tap("open_chat")
    seen = {one.decision_id for one in await outcomes(line, pb.OUTCOME_KIND_SEEN, 2)}
    assert seen == {second.id, second.recommendation.thread_id}

    async def answered() -> bool:
        acted = await line.outcomes(pb.OUTCOME_KIND_ACTED)
        return second.id in {one.decision_id for one in acted}

    await until(answered)
