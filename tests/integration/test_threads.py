"""What joins a thread: told anew where nothing told it, acted on where the visitor is now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sentientiq.intervention.v1 import intervention_pb2 as pb

from cli.outbox import command as outbox
from services.common.state import where_key
from services.intervention.answering.links import Links
from tests.integration.intervene_phone import Phone, opened, outcomes, pending, visitor
from tests.integration.intervention_line import (
    MESH,
    Directory,
    Line,
    Ports,
    link_of,
    process,
    until,
)


@pytest.fixture(scope="module")
def ports(
    postgres_url: str, state_url: str, log_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ports]:
    """Both processes, for all tests of the module."""
    made = Ports()
    environment = made.environment(postgres_url, state_url, log_url)
    sandbox = {"SIQ_HTTP_LISTEN": f"127.0.0.1:{made.sandbox}"}
    folder: Path = tmp_path_factory.mktemp("threads")
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


async def again(line: Line, session: str) -> pb.Decision:
    """The visitor of s1 in another visit: it is to join the first one's thread."""
    decision = await line.decide(line.emotion(session), line.identity(session, user_id="u-s1"))
    assert decision.recommendation.thread_id
    return decision


async def joined(line: Line, count: int = 1) -> list[tuple[str, str]]:
    """What joined which thread."""
    found = await outcomes(line, pb.OUTCOME_KIND_FOLDED, count)
    return [(one.decision_id, one.detail) for one in found]


async def delivered(line: Line, decision: pb.Decision) -> bool:
    """Wait until a recommendation has reached its person."""

    async def told() -> bool:
        found = await line.outcomes(pb.OUTCOME_KIND_DELIVERED)
        return decision.id in {one.decision_id for one in found}

    return bool(await until(told))


@pytest.mark.parametrize("delay_ms", [0, 1_200], ids=["failed before", "fails afterwards"])
async def test_what_joins_a_thread_whose_message_failed_is_told_anew_once(
    line: Line, delay_ms: int
) -> None:
    line.person(("slack", f"http://127.0.0.1:{line.ports.sandbox}/slack/{line.tenant}"))
    fault = {"provider": "slack", "status": 403, "body": "action_prohibited"}
    answer = await line.sandbox.post("/api/faults", json={**fault, "delay_ms": delay_ms})
    assert answer.status_code < 300, answer.text
    first = await line.decide(line.emotion("s1"), line.identity("s1"))
    if not delay_ms:
        await outcomes(line, pb.OUTCOME_KIND_FAILED)
    second, third = await again(line, "s2"), await again(line, "s3")
    assert set(await joined(line, 2)) == {(second.id, first.id), (third.id, first.id)}
    (failed,) = await outcomes(line, pb.OUTCOME_KIND_FAILED)
    assert failed.decision_id == first.id
    assert await delivered(line, second)
    assert await delivered(line, third)
    (message,) = await line.received(line.tenant)
    blocks: list[dict[str, Any]] = message["details"]["payload"]["blocks"]
    phone = Phone(line, link_of(blocks[-1]["elements"][0]["url"]))
    assert (await phone.look())["episodes"] == 3


async def test_after_its_page_was_closed_the_person_is_told_anew_on_another(line: Line) -> None:
    phone = await opened(line)
    assert (await phone.post("close")).status_code == 200
    second = await again(line, "s2")

    async def texts() -> list[dict[str, Any]]:
        found = await line.received()
        return found if len(found) == 2 else []

    text = max(await until(texts), key=lambda one: link_of(one["body"]) != phone.path)
    theirs = Phone(line, link_of(text["body"]))
    await theirs.see()
    seen = await outcomes(line, pb.OUTCOME_KIND_SEEN, 2)
    assert second.id in {one.decision_id for one in seen}
    assert (await line.pages.get(phone.path)).status_code == 410, "what was closed stays closed"
    # The next one joins the page that they have.
    third = await again(line, "s3")
    assert await joined(line) == [(third.id, second.id)]
    assert await delivered(line, third)
    assert len(await line.received()) == 2
    assert (await theirs.look())["episodes"] == 2
    await theirs.tap("done")

    async def answered() -> bool:
        return len(await line.outcomes(pb.OUTCOME_KIND_ACTED)) == 2

    await until(answered)
    acted = await line.outcomes(pb.OUTCOME_KIND_ACTED)
    assert {one.decision_id for one in acted} == {second.id, third.id}


async def test_acts_reach_the_visit_where_the_visitor_is(line: Line, state_url: str) -> None:
    phone = await opened(line)
    second = await again(line, "s2")
    third = await again(line, "s3")
    await joined(line, 2)
    async with visitor(line, state_url, "s2") as store:
        live = await phone.look()
        assert (live["here"], live["visible"]) == (True, True)
        done = await phone.tap("send_offer")
        assert done["undo"] is False, "it is on its way to an open page"
        offer = (await pending(line, "s2"))["offer@1"]
        assert offer.decision_id == second.id
        await store.delete(where_key(line.tenant, "s2"))
    # Gone from everywhere, they would come back to the newest.
    await phone.tap("open_chat")
    chat = (await pending(line, "s3"))["chat@1"]
    assert chat.decision_id == third.id
    assert not {"offer@1", "chat@1"} & set(await pending(line, "s1"))


async def test_the_link_of_what_joined_opens_the_page_of_the_thread(
    line: Line, postgres_url: str
) -> None:
    phone = await opened(line)
    second = await again(line, "s2")
    await joined(line)
    letters = Links(MESH).make(second.id, "p-ceo", expires_at_ms=2**31 * 1000)
    theirs = Phone(line, f"/i/{letters}")
    assert (await theirs.look())["episodes"] == 2
    await theirs.see()
    await theirs.tap("done")
    assert (await phone.look())["closed"], "it is one page"
    done = await asyncio.to_thread(
        CliRunner().invoke,
        outbox,
        ["close", line.tenant, second.id],
        env={"SIQ_POSTGRES_URL": postgres_url},
    )
    assert (done.exit_code, done.output) == (0, "closed for p-ceo\n")
    for path in (phone.path, theirs.path):
        assert (await line.pages.get(path)).status_code == 410
