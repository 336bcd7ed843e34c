"""From an emotion to a person and back: real PostgreSQL, log, state store, sandbox over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2

from services.common import state
from services.common.log.port import session_append
from services.common.state import edge_channel, where_key
from tests.integration.intervention_line import (
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
    folder: Path = tmp_path_factory.mktemp("line")
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
    await made.sandbox.delete("/api/faults")
    await made.close()
    await server.stop(None)


async def test_rage_reaches_the_ceo_within_a_second(line: Line) -> None:
    line.person()
    started = time.time() * 1000
    decision = await line.decide(line.emotion("s1"), line.identity("s1"))
    assert decision.action == pb.DECISION_ACTION_INTERVENE
    assert (decision.reason, decision.rule, decision.policy_version, decision.path) == (
        "rule",
        "rage_help",
        "builtin@2",
        "fast",
    )
    assert decision.intervention.template == "payment_help@1"
    assert decision.recommendation.person_id == "p-ceo"
    message = await line.one_message()
    assert message["received_at_ms"] - started < 1000
    assert len(message["body"]) <= 300
    assert message["body"].startswith(
        "RAGE 92% · Dana Reyes, Acme Robotics ($100,000) on /checkout 'button#pay-now'. Step in: "
    )
    (logged,) = await until(line.decisions)
    assert logged == decision
    assert b"dana" not in logged.SerializeToString().lower()
    delivered = await until(lambda: line.outcomes(pb.OUTCOME_KIND_DELIVERED))
    assert [(one.decision_id, one.channel, one.person_id) for one in delivered] == [
        (decision.id, "sms", "p-ceo")
    ]
    assert len(await line.outcomes(pb.OUTCOME_KIND_SENT)) == 1


async def test_twins_of_a_decision_send_one_message(line: Line) -> None:
    line.person()
    emotion, identity = line.emotion("s1"), line.identity("s1")
    await line.log.append(
        [session_append("emotion.v1", line.tenant, "s1", emotion.SerializeToString(), {})]
    )
    answers = await asyncio.gather(*(line.decide(emotion, identity) for _ in range(50)))
    assert all(answer == answers[0] for answer in answers)
    await line.one_message()
    # The durable path comes 500 ms after detection; let it commit what it read.
    ends = await line.log.ends("emotion.v1")

    async def read() -> bool:
        return await line.log.committed("intervention", "emotion.v1") == ends

    await until(read)
    await until(lambda: line.outcomes(pb.OUTCOME_KIND_DELIVERED))
    assert len(await line.received()) == 1
    assert len(await line.decisions()) == 1


async def test_durable_path_decides_what_the_fast_path_did_not(line: Line) -> None:
    line.person()
    line.identity("s1")
    emotion = line.emotion("s1")
    await line.log.append(
        [session_append("emotion.v1", line.tenant, "s1", emotion.SerializeToString(), {})]
    )
    message = await line.one_message()
    assert message["received_at_ms"] - emotion.detected_at_ms >= 500
    (decision,) = await until(line.decisions)
    assert decision.path == "durable"
    assert decision.HasField("intervention")


async def test_late_emotion_alerts_but_shows_nothing(line: Line) -> None:
    line.person()
    late_ms = time.time_ns() // 1_000_000 - 12_000
    emotion = line.emotion("s1", occurred_at_ms=late_ms, detected_at_ms=late_ms)
    decision = await line.decide(emotion, line.identity("s1"))
    assert decision.reason == "stale"
    assert not decision.HasField("intervention")
    assert decision.HasField("recommendation")
    assert (await line.one_message())["body"].startswith("LATE, 12 s ago · RAGE 92%")


async def test_next_revision_is_handled_already(line: Line) -> None:
    line.person()
    emotion, identity = line.emotion("s1"), line.identity("s1")
    await line.decide(emotion, identity)
    emotion.rev = 2
    second = await line.decide(emotion, identity)
    assert (second.action, second.reason) == (pb.DECISION_ACTION_NOTHING, "episode_handled")


async def test_cooldown_holds_across_episodes_and_a_crowd(line: Line) -> None:
    line.person()
    identity = line.identity("s1")
    answers = await asyncio.gather(*(line.decide(line.emotion("s1"), identity) for _ in range(20)))
    assert sum(answer.HasField("intervention") for answer in answers) == 1
    assert sum(answer.HasField("recommendation") for answer in answers) == 1
    assert sorted({answer.reason for answer in answers}) == ["cooldown", "rule"]


@pytest.mark.parametrize(
    "change",
    [
        {"ltv": 9_999_999},
        {"assurance": 2},
        {"currency": "CHF"},
    ],
)
async def test_less_value_or_assurance_only_helps_in_the_page(
    line: Line, change: dict[str, Any]
) -> None:
    line.person()
    identity = line.identity("s1", minor=change.get("ltv", 10_000_000))
    identity.assurance = change.get("assurance", identity.assurance)
    identity.ltv.currency = change.get("currency", "USD")
    decision = await line.decide(line.emotion("s1"), identity)
    assert decision.HasField("intervention")
    assert not decision.HasField("recommendation")


async def test_owner_of_the_company_comes_before_the_ceo(line: Line) -> None:
    line.person()
    owner = line.person(role="success")
    identity = line.identity("s1", owner_person_id=owner.person_id)
    decision = await line.decide(line.emotion("s1"), identity)
    assert decision.recommendation.person_id == owner.person_id


async def test_provider_error_is_repeated_once(line: Line) -> None:
    line.person()
    await line.sandbox.post("/api/faults", json={"provider": "twilio", "status": 500})
    await line.decide(line.emotion("s1"), line.identity("s1"))
    await line.one_message()
    await until(lambda: line.outcomes(pb.OUTCOME_KIND_DELIVERED))
    assert len(await line.received()) == 1
    assert not await line.outcomes(pb.OUTCOME_KIND_FAILED)


async def test_lost_answer_is_looked_up_never_repeated(line: Line) -> None:
    line.person()
    fault = {"provider": "twilio", "drop": True, "silent": True}
    await line.sandbox.post("/api/faults", json=fault)
    await line.decide(line.emotion("s1"), line.identity("s1"))
    await until(lambda: line.outcomes(pb.OUTCOME_KIND_SENT), timeout_s=15)
    assert len(await line.received()) == 1


async def test_refused_number_fails_at_once(line: Line) -> None:
    line.person(("sms", "+15005550009"))
    await line.decide(line.emotion("s1"), line.identity("s1"))
    (failed,) = await until(lambda: line.outcomes(pb.OUTCOME_KIND_FAILED))
    assert failed.detail == "21614"


async def test_opted_out_number_is_not_used_again(line: Line) -> None:
    line.person(("sms", "+15005550004"))
    await line.decide(line.emotion("s1"), line.identity("s1"))
    await until(lambda: line.outcomes(pb.OUTCOME_KIND_FAILED))
    await line.decide(line.emotion("s2"), line.identity("s2"))

    async def both() -> bool:
        return len(await line.outcomes(pb.OUTCOME_KIND_FAILED)) == 2

    await until(both)
    details = {one.detail for one in await line.outcomes(pb.OUTCOME_KIND_FAILED)}
    assert details == {"21610", "endpoint_off:21610"}


async def test_every_channel_of_a_person_is_used(line: Line) -> None:
    base = f"http://127.0.0.1:{line.ports.sandbox}"
    line.person(
        ("slack", f"{base}/slack/{line.tenant}"),
        ("webhook", f"{base}/webhook/{line.tenant}"),
        ("sms", line.phone),
    )
    decision = await line.decide(line.emotion("s1"), line.identity("s1"))
    assert list(decision.recommendation.channels) == ["slack", "webhook", "sms"]

    async def all_delivered() -> bool:
        return len(await line.outcomes(pb.OUTCOME_KIND_DELIVERED)) == 3

    await until(all_delivered)
    slack, hook = sorted(await line.received(line.tenant), key=lambda one: str(one["provider"]))
    assert slack["details"]["payload"]["blocks"][0]["type"] == "header"
    assert hook["details"]["headers"]["webhook-signature"].startswith("v1,")


async def test_private_url_of_a_customer_is_refused(line: Line) -> None:
    line.person(("slack", f"http://127.0.0.1:{line.ports.http}/healthz"))
    await line.decide(line.emotion("s1"), line.identity("s1"))
    (failed,) = await until(lambda: line.outcomes(pb.OUTCOME_KIND_FAILED))
    assert failed.detail.startswith("refused_url:")


async def test_slow_destination_does_not_hold_up_others(line: Line) -> None:
    base = f"http://127.0.0.1:{line.ports.sandbox}"
    line.person(("slack", f"{base}/slack/{line.tenant}?delay_ms=3000"), ("sms", line.phone))
    started = time.time() * 1000
    await asyncio.gather(
        *(line.decide(line.emotion(f"s{n}"), line.identity(f"s{n}")) for n in range(12))
    )

    async def all_texts() -> bool:
        return len(await line.received()) == 12

    await until(all_texts)
    assert max(one["received_at_ms"] for one in await line.received()) - started < 2500


async def test_looking_at_a_link_does_nothing(line: Line) -> None:
    line.person()
    decision = await line.decide(line.emotion("s1"), line.identity("s1"))
    path = link_of((await line.one_message())["body"])
    assert decision.recommendation.person_id not in path
    page = await line.pages.get(path)
    assert page.status_code == 200
    for word in ("Dana Reyes", "Acme Robotics", "$100,000", "$90,000 to $120,000", "92%"):
        assert word in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "style=" not in page.text
    assert (await line.pages.get(f"{path}/live")).json()["here"] is False
    for method in ("GET", "HEAD"):
        assert (await line.pages.request(method, f"{path}/act")).status_code == 405
    assert (await line.pages.post(f"{path}/act", json={"act": "decline"})).status_code == 403
    await until(lambda: line.outcomes(pb.OUTCOME_KIND_DELIVERED))
    kinds = {one.kind for one in await line.outcomes()}
    assert kinds == {pb.OUTCOME_KIND_SENT, pb.OUTCOME_KIND_DELIVERED}


async def test_acting_reaches_the_live_page_once(line: Line, state_url: str) -> None:
    line.person()
    client: Any = state.connect(state_url)
    worker = f"w-{line.tenant}"
    async with aclosing(client), client.pubsub(ignore_subscribe_messages=True) as edge:
        await edge.subscribe(edge_channel(worker))
        await client.hset(where_key(line.tenant, "s1"), "p1", f"{worker} {time.time() * 1000:.0f}")
        decision = await line.decide(line.emotion("s1"), line.identity("s1"))
        path = link_of((await line.one_message())["body"])
        assert (await line.pages.get(f"{path}/live")).json()["here"] is True
        seen = (await line.pages.post(f"{path}/seen", json={})).json()
        await line.pages.post(f"{path}/seen", json={})
        body = {"act": "send_offer", "nonce": seen["nonce"]}
        twice = await asyncio.gather(*(line.pages.post(f"{path}/act", json=body) for _ in range(5)))
        assert sorted(answer.status_code for answer in twice) == [200, 409, 409, 409, 409]
        acted = next(answer.json() for answer in twice if answer.status_code == 200)
        assert acted["reached"] == 1

        async def pushed() -> Any:
            return await edge.get_message(timeout=0.1)

        offer = pb.Intervention.FromString((await until(pushed))["data"])
    assert (offer.template, offer.decision_id) == ("offer@1", decision.id)
    pending = await line.stub.ListPending(
        service_pb2.ListPendingRequest(tenant_id=line.tenant, session_id="s1")
    )
    assert [one.template for one in pending.interventions] == ["payment_help@1", "offer@1"]
    (first,) = await until(lambda: line.outcomes(pb.OUTCOME_KIND_ACTED))
    assert (first.detail, first.channel, first.person_id, first.intervention_id) == (
        "send_offer",
        "intervene_page",
        "p-ceo",
        offer.id,
    )
    assert len(await line.outcomes(pb.OUTCOME_KIND_SEEN)) == 1

    shown = pb.Outcome(
        id=f"shown-{offer.id}",
        tenant_id=line.tenant,
        session_id="s1",
        intervention_id=offer.id,
        kind=pb.OUTCOME_KIND_SHOWN,
        channel="page",
        occurred_at_ms=1,
    )
    await line.log.append(
        [session_append("outcome.v1", line.tenant, "s1", shown.SerializeToString(), {})]
    )

    async def on_screen() -> bool:
        answer = (await line.pages.get(f"{path}/live")).json()
        return [one["state"] for one in answer["acts"]] == ["shown"]

    await until(on_screen)


async def test_declining_is_an_answer_too(line: Line) -> None:
    line.person()
    await line.decide(line.emotion("s1"), line.identity("s1"))
    path = link_of((await line.one_message())["body"])
    nonce = (await line.pages.post(f"{path}/seen", json={})).json()["nonce"]
    bad = await line.pages.post(f"{path}/act", json={"act": "explode", "nonce": nonce})
    assert bad.status_code == 400
    foreign = await line.pages.post(
        f"{path}/act",
        json={"act": "decline", "nonce": nonce},
        headers={"sec-fetch-site": "cross-site"},
    )
    assert foreign.status_code == 403
    done = await line.pages.post(f"{path}/act", json={"act": "decline", "nonce": nonce})
    assert done.status_code == 200
    (declined,) = await until(lambda: line.outcomes(pb.OUTCOME_KIND_DECLINED))
    assert declined.person_id == "p-ceo"


async def test_forged_links_and_callbacks_are_refused(line: Line) -> None:
    line.person()
    await line.decide(line.emotion("s1"), line.identity("s1"))
    path = link_of((await line.one_message())["body"])
    for bad in (path[:-1], path[:-2] + "AA", "/i/" + "A" * 56, "/i/x%00"):
        assert (await line.pages.get(bad)).status_code == 410
    form = {"MessageSid": "SM1", "MessageStatus": "failed"}
    answer = await line.pages.post("/hooks/twilio", data=form)
    assert answer.status_code == 403
    wrong = {"x-twilio-signature": "Ck+d8YrC2HFMnf8i1vcPCifKtbs="}
    answer = await line.pages.post("/hooks/twilio", data=form, headers=wrong)
    assert answer.status_code == 403


async def test_policy_of_the_tenant_takes_over_and_a_bad_one_does_not(line: Line) -> None:
    document = (
        '{"rules": [{"name": "gentle", "when": {"emotion": "rage", "min_confidence": 95},'
        ' "page": {"templates": [{"template": "help@1"}]}}]}'
    )
    line.directory.put_policy(line.tenant, document)
    decision = await line.decide(line.emotion("s1"), line.identity("s1"))
    assert (decision.reason, decision.policy_version) == ("below_confidence", "tenant@1")
    line.directory.put_policy(line.tenant, "{}")
    line.directory.put_policy(line.tenant, document.replace("95", "60"))

    async def newest() -> bool:
        decided = await line.decide(line.emotion("s1"), line.identity("s1"))
        return decided.policy_version == "tenant@3"

    await until(newest)
