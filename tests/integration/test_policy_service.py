"""Kill switches, dismissals, delays and checks through the running service."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import msgspec
import pytest
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2
from sentientiq.intervention.v1 import intervention_service_pb2_grpc as rpc

from services.common.auth import make_token
from services.common.channels import connect
from services.common.ids import outcome_id
from services.common.log.port import session_append
from services.intervention.answering.links import Links
from services.intervention.deciding.record import read_inputs
from tests.integration.intervention_line import MESH, Directory, Line, Ports, process, until
from tests.unit.services.intervention.policy.cases import ALERT, HELP, OFFER, document, rule


@pytest.fixture(scope="module")
def ports(
    postgres_url: str, state_url: str, log_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Ports, Ports]]:
    """Two replicas of the service."""
    folder: Path = tmp_path_factory.mktemp("line")
    first, second = Ports(), Ports()
    second.directory = first.directory
    engines = (postgres_url, state_url, log_url)
    with (
        process("services.intervention", first.environment(*engines), folder / "first.log"),
        process("services.intervention", second.environment(*engines), folder / "second.log"),
    ):
        yield first, second


@pytest.fixture
async def lines(ports: tuple[Ports, Ports], log_url: str) -> AsyncGenerator[tuple[Line, Line]]:
    """One tenant, asked for at either replica."""
    directory = Directory()
    server = await directory.serve(ports[0].directory)
    made = tuple(Line(one, directory, log_url) for one in ports)
    made[1].tenant = made[0].tenant

    async def found_by_both() -> bool:
        return len(directory.peers) == 2

    await until(found_by_both)
    yield made[0], made[1]
    for one in made:
        await one.close()
    await server.stop(None)


async def decide(line: Line, session: str, **visitor: Any) -> pb.Decision:
    request = service_pb2.DecideRequest(
        emotion=line.emotion(session),
        identity=line.identity(session, minor=100),
        visitor=service_pb2.VisitorContext(**visitor),
    )
    return (await line.stub.Decide(request, timeout=10)).decision


async def test_switch_is_in_force_everywhere_within_five_seconds(
    lines: tuple[Line, Line],
) -> None:
    first, second = lines
    switch = service_pb2.Switch(tenant_id=first.tenant, rule="rage_help", reason="too much")
    await first.stub.SetSwitch(service_pb2.SetSwitchRequest(switch=switch, off=True))
    stopped = await decide(first, "s0")
    assert (stopped.action, stopped.reason, stopped.detail) == (
        pb.DECISION_ACTION_NOTHING, "killed", "rage_help",
    )  # fmt: skip
    assert read_inputs(stopped).facts.switches == ("rage_help",)

    began, turn = time.monotonic(), 0

    async def stops_there() -> bool:
        nonlocal turn
        turn += 1
        return (await decide(second, f"a{turn}")).reason == "killed"

    await until(stops_there, 5)
    assert time.monotonic() - began < 5
    request = service_pb2.ListSwitchesRequest(tenant_id=first.tenant)
    (found,) = (await second.stub.ListSwitches(request)).switches
    assert (found.rule, found.reason) == ("rage_help", "too much")

    await second.stub.SetSwitch(service_pb2.SetSwitchRequest(switch=switch, off=False))

    async def goes_on() -> bool:
        nonlocal turn
        turn += 1
        return (await decide(first, f"b{turn}")).reason == "rule"

    await until(goes_on, 5)


async def test_a_switch_takes_back_help_that_waits(lines: tuple[Line, Line]) -> None:
    line, _ = lines
    shop = {"name": "shop", "rules": [rule("shop_rage", HELP)]}
    line.directory.put_policy(line.tenant, msgspec.json.encode(document(shop)).decode())
    shown = (await decide(line, "s1")).intervention
    request = service_pb2.ListPendingRequest(tenant_id=line.tenant, session_id="s1")
    assert list((await line.stub.ListPending(request)).interventions) == [shown]
    # A branch's switch stops its leaves.
    switch = service_pb2.Switch(tenant_id=line.tenant, rule="shop", reason="too much")
    await line.stub.SetSwitch(service_pb2.SetSwitchRequest(switch=switch, off=True))
    assert not (await line.stub.ListPending(request)).interventions
    await line.stub.SetSwitch(service_pb2.SetSwitchRequest(switch=switch, off=False))
    assert not (await line.stub.ListPending(request)).interventions, "it is withdrawn for good"

    async def recorded() -> list[pb.Outcome]:
        return await line.outcomes(pb.OUTCOME_KIND_WITHDRAWN)

    (told,) = await until(recorded)
    assert (told.intervention_id, told.detail, told.channel) == (shown.id, "shop", "page")


async def test_everybody_is_stopped_by_an_operator_only(lines: tuple[Line, Line]) -> None:
    line, _ = lines
    drill = service_pb2.Switch(reason="drill")
    everybody = service_pb2.SetSwitchRequest(switch=drill, off=True)
    token = make_token(MESH, subject="them", tenant_id=line.tenant, role="tenant")
    async with connect(f"127.0.0.1:{line.ports.grpc}", token) as channel:
        stub = rpc.InterventionServiceStub(channel)
        for switch in (service_pb2.Switch(), service_pb2.Switch(tenant_id="other")):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.SetSwitch(service_pb2.SetSwitchRequest(switch=switch, off=True))
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    await line.stub.SetSwitch(everybody)
    try:
        assert (await decide(line, "s1")).detail == "*"
    finally:
        everybody.off = False
        await line.stub.SetSwitch(everybody)
    assert (await decide(line, "s2")).reason == "rule"


async def test_the_team_of_a_tenant_forgets_nobody(lines: tuple[Line, Line]) -> None:
    line, _ = lines
    decision = await decide(line, "s1")
    request = service_pb2.ForgetSubjectRequest(tenant_id=line.tenant, user_id=decision.user_id)
    for tenant, role in ((line.tenant, "team"), ("other", "operator")):
        token = make_token(MESH, subject="them", tenant_id=tenant, role=role)
        async with connect(f"127.0.0.1:{line.ports.grpc}", token) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await rpc.InterventionServiceStub(channel).ForgetSubject(request)
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    nobody = service_pb2.ForgetSubjectRequest(tenant_id=line.tenant)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await line.stub.ForgetSubject(nobody)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (await line.stub.ForgetSubject(request)).decisions == 1


async def test_an_offer_that_a_person_makes_is_charged_too(lines: tuple[Line, Line]) -> None:
    line, _ = lines
    line.person()
    offer = {
        **OFFER,
        "when": {"value": {"at_least": {"USD": 10_000_000}}},
        "budget": {"name": "spring", "cost": {"USD": "10"}},
    }
    guards = {"budgets": {"spring": {"most": {"USD": "19.99"}, "each": "ever"}}}
    body = document(rule("r", offer, ALERT), guards=guards)
    line.directory.put_policy(line.tenant, msgspec.json.encode(body).decode())
    answers: list[int] = []
    for session in ("s1", "s2"):
        decision = await line.decide(line.emotion(session), line.identity(session))
        assert not decision.HasField("intervention")
        token = Links(MESH).make(decision.id, "p-ceo", expires_at_ms=2**31 * 1000)
        nonce = (await line.pages.post(f"/i/{token}/seen", json={})).json()["nonce"]
        act = {"act": "send_offer", "nonce": nonce}
        answer = await line.pages.post(f"/i/{token}/act", json=act)
        answers.append(answer.status_code)
    assert (answers[0], answers[1] // 100) == (200, 4)
    assert "The budget for offers (spring) is used up" in answer.json()["error"]
    # Nothing was done: the same page may still do something else.
    chat = {"act": "open_chat", "nonce": nonce}
    assert (await line.pages.post(f"/i/{token}/act", json=chat)).status_code == 200


async def test_who_closes_an_offer_gets_help_instead(lines: tuple[Line, Line]) -> None:
    line, _ = lines
    guards = {"after_dismissal": {"for_s": 600, "of": "same_type"}}
    body = document(rule("r", {**OFFER, "priority": "high"}, HELP), guards=guards)
    line.directory.put_policy(line.tenant, msgspec.json.encode(body).decode())
    offered = (await decide(line, "s1")).intervention
    assert offered.template == "offer@1"
    outcome = pb.Outcome(
        id=outcome_id("test", offered.id), tenant_id=line.tenant, session_id="s1",
        intervention_id=offered.id, kind=pb.OUTCOME_KIND_DISMISSED,
        occurred_at_ms=time.time_ns() // 1_000_000,
    )  # fmt: skip
    value = outcome.SerializeToString()
    # Twice, as a log may have it: it is one dismissal.
    for _ in range(2):
        await line.log.append([session_append("outcome.v1", line.tenant, "s1", value, {})])

    async def helped() -> bool:
        decision = await decide(line, "s1")
        history = read_inputs(decision).facts.dismissals
        assert len(history) <= 1
        return decision.intervention.template == "help@1"

    await until(helped, 5)


async def test_a_visitor_is_spoken_to_in_their_language_and_at_their_time(
    lines: tuple[Line, Line],
) -> None:
    line, _ = lines
    later = {**HELP, "delay_s": 20}
    line.directory.put_policy(line.tenant, msgspec.json.encode(document(rule("r", later))).decode())
    decision = await decide(line, "s1", language="de-AT", zone="Europe/Vienna")
    shown = decision.intervention
    assert msgspec.json.decode(shown.payload_json)["title"] == "Können wir helfen?"
    assert shown.timing == pb.TIMING_DELAYED
    assert shown.show_at_ms == decision.decided_at_ms + 20_000
    assert shown.expires_at_ms == decision.decided_at_ms + 50_000
    assert read_inputs(decision).facts.visitor_minute >= 0
    request = service_pb2.ListPendingRequest(tenant_id=line.tenant, session_id="s1")
    assert not (await line.stub.ListPending(request)).interventions
    refused = await decide(line, "s2", interventions_consent=False)
    assert (refused.reason, refused.HasField("intervention")) == ("no_consent", False)


async def test_a_policy_can_be_checked_before_it_is_put(lines: tuple[Line, Line]) -> None:
    line, _ = lines
    good = await line.stub.CheckPolicy(
        service_pb2.CheckPolicyRequest(body=b"policy: 2\nrules: [{name: calm, do: []}]")
    )
    assert list(good.rules) == ["calm"]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await line.stub.CheckPolicy(service_pb2.CheckPolicyRequest(body=b"policy: 2\nrules: [1]"))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "rules[0]" in (caught.value.details() or "")
