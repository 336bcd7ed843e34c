"""What callers may say of a recommendation, with identity beside it to know the team."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from sentientiq.accountability.v1 import accountability_service_pb2 as apb
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

from services.common.log import OUTCOME
from services.common.log.port import EventLog
from tests.integration.accountability_line import Line, State, history, now_ms
from tests.integration.identity_service import MESH, Service, refused, until

_ALWAYS = {
    "from": "00:00",
    "to": "00:00",
    "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
}


@pytest.fixture
async def line(service: Service, postgres_url: str, log_url: str) -> AsyncGenerator[Line]:
    running = Line(
        postgres_url,
        log_url,
        {"SIQ_MESH_SECRET": MESH, "SIQ_IDENTITY_ADDR": service.settings.listen},
    )
    await running.start()
    yield running
    await running.close()


@pytest.fixture
async def acme(service: Service, tenant: str) -> str:
    """A tenant whose team works round the clock."""
    for person, role in (("ceo", "ceo"), ("ann", "sales"), ("bob", "sales")):
        channel = tpb.Channel(kind="email", address=f"{person}@acme.example")
        await service.tenants.PutPerson(
            tpb.PutPersonRequest(
                tenant_id=tenant,
                person=tpb.Person(
                    person_id=person, name=person, role=role, zone="UTC", channels=[channel]
                ),
            )
        )
    document = {"hours": _ALWAYS, "fair_minutes": 0}
    await put(service, tenant, json.dumps(document).encode())
    return tenant


async def put(service: Service, tenant: str, body: bytes) -> None:
    request = tpb.PutConfigRequest(tenant_id=tenant, kind="accountability", body=body)
    await service.tenants.PutConfig(request)


async def termed(line: Line, tenant: str, decision: str) -> apb.RecommendationRecord:
    async def known() -> apb.RecommendationRecord | None:
        record = await line.get(tenant, decision)
        return record if record is not None and record.terms else None

    found: apb.RecommendationRecord = await until(known)
    return found


def of(tenant: str, decision: str = "d1", **more: Any) -> dict[str, Any]:
    return {"tenant_id": tenant, "decision_id": decision, **more}


async def outcomes(log: EventLog) -> int:
    return sum((await log.ends(OUTCOME)).values())


async def test_terms_come_from_the_team_and_stand(line: Line, service: Service, acme: str) -> None:
    await line.decide(acme, "d1", person="ann")
    first = await termed(line, acme, "d1")
    assert (first.terms, first.owners[0].team) == ("tenant@1", "sales")
    await put(service, acme, b'{"deadlines": [{"minutes": 600, "clock": "wall"}]}')
    await line.tell(acme, "d1", ["DELIVERED"], at_ms=now_ms())
    again = await line.reaches(acme, "d1", State.Value("RECOMMENDATION_STATE_DELIVERED"))
    assert (again.terms, again.due_at_ms) == ("tenant@1", first.due_at_ms)

    async def newest() -> bool:
        # The document is asked for at most every five seconds.
        name = f"later-{now_ms()}"
        at_ms = await line.decide(acme, name, person="ann")
        later = await termed(line, acme, name)
        return later.terms == "tenant@2" and later.due_at_ms == at_ms + 600 * 60_000

    await until(newest)


async def test_a_task_is_closed_once_however_often_it_is_said(line: Line, acme: str) -> None:
    await line.decide(acme, "d1", person="ann")
    await termed(line, acme, "d1")
    request = apb.TaskClosedRequest(
        **of(acme, idempotency_key="task-77", end=apb.TASK_END_DONE, channel="salesforce")
    )
    done = (await line.stub.TaskClosed(request)).recommendation
    assert history(done) == ["OPEN", "ACTED"]
    assert done.owners[0].verdict == apb.VERDICT_MET
    before = await outcomes(line.log)
    again = (await line.stub.TaskClosed(request)).recommendation
    assert again == done
    assert await outcomes(line.log) == before
    request.end = apb.TASK_END_DECLINED
    code, words = await refused(line.stub.TaskClosed(request))
    assert code == "ALREADY_EXISTS"
    assert "idempotency_key" in words


async def test_without_a_key_it_is_the_persons_act_wherever_done(line: Line, acme: str) -> None:
    await line.decide(acme, "d1", person="ann")
    await termed(line, acme, "d1")
    request = apb.TaskClosedRequest(**of(acme, end=apb.TASK_END_DONE, person_id="ann"))
    first = (await line.stub.TaskClosed(request)).recommendation
    before = await outcomes(line.log)
    assert (await line.stub.TaskClosed(request)).recommendation == first
    assert await outcomes(line.log) == before


async def test_a_decline_has_its_reason_and_tells_of_the_detector(line: Line, acme: str) -> None:
    await line.decide(acme, "d1", person="ann")
    await termed(line, acme, "d1")
    request = apb.TaskClosedRequest(
        **of(
            acme,
            end=apb.TASK_END_DECLINED,
            reason=apb.DECLINE_REASON_FALSE_ALARM,
            note="a test order",
        )
    )
    record = (await line.stub.TaskClosed(request)).recommendation
    assert record.state == apb.RECOMMENDATION_STATE_DECLINED
    assert record.decline_reason == apb.DECLINE_REASON_FALSE_ALARM
    assert (record.owners[0].verdict, record.feedback) == (apb.VERDICT_ANSWERED, "wrong")


async def test_hand_over_counts_time_to_each_and_closes_with_the_second(
    line: Line, acme: str
) -> None:
    at_ms = await line.decide(acme, "d1", person="ann")
    await termed(line, acme, "d1")
    stub = line.caller(acme, "team")
    passed = (
        await stub.HandOver(apb.HandOverRequest(**of(acme, to_person_id="bob", note="yours")))
    ).recommendation
    assert [owner.person_id for owner in passed.owners] == ["ann", "bob"]
    assert passed.person_id == "bob"
    again = (
        await stub.HandOver(apb.HandOverRequest(**of(acme, to_person_id="bob")))
    ).recommendation
    assert [owner.person_id for owner in again.owners] == ["ann", "bob"]
    closed = (
        await stub.TaskClosed(apb.TaskClosedRequest(**of(acme, end=apb.TASK_END_DONE)))
    ).recommendation
    ann, bob = closed.owners
    assert (ann.verdict, bob.verdict) == (apb.VERDICT_HANDED_ON, apb.VERDICT_MET)
    assert ann.from_ms == at_ms
    assert ann.to_ms == bob.from_ms
    assert bob.to_ms == closed.transitions[-1].at_ms
    mine = await line.stub.ListRecommendations(
        apb.ListRecommendationsRequest(tenant_id=acme, person_id="bob")
    )
    assert [record.decision_id for record in mine.recommendations] == ["d1"]
    code, words = await refused(stub.HandOver(apb.HandOverRequest(**of(acme, to_person_id="ceo"))))
    assert (code, "acted" in words) == ("FAILED_PRECONDITION", True)


async def missed(line: Line, tenant: str, decision: str) -> apb.RecommendationRecord:
    at_ms = await line.decide(tenant, decision, person="ann", due_in_ms=400)
    await line.tell(tenant, decision, ["DELIVERED", "SEEN"], at_ms=at_ms + 10, person="ann")
    return await line.reaches(tenant, decision, State.Value("RECOMMENDATION_STATE_IGNORED"))


async def test_an_appeal_lifts_the_blame_until_somebody_else_rules(line: Line, acme: str) -> None:
    record = await missed(line, acme, "d1")
    assert (record.owners[0].verdict, record.owners[0].blame) == (apb.VERDICT_MISSED, True)
    asked = apb.AppealRequest(**of(acme, person_id="ann", reason=apb.APPEAL_REASON_NEVER_SAW))
    appealed = (await line.stub.Appeal(asked)).recommendation
    assert (appealed.owners[0].verdict, appealed.owners[0].blame) == (
        apb.VERDICT_UNDER_APPEAL,
        False,
    )
    waiting = await line.stub.ListRecommendations(
        apb.ListRecommendationsRequest(tenant_id=acme, under_appeal=True)
    )
    assert [one.decision_id for one in waiting.recommendations] == ["d1"]
    ruling = of(acme, person_id="ann", by_person_id="ceo")
    team = line.caller(acme, "team")
    code, _ = await refused(team.RuleOnAppeal(apb.RuleOnAppealRequest(**ruling, granted=True)))
    assert code == "PERMISSION_DENIED"
    own = apb.RuleOnAppealRequest(**{**ruling, "by_person_id": "ann"}, granted=True)
    assert (await refused(line.stub.RuleOnAppeal(own)))[0] == "PERMISSION_DENIED"
    refused_one = apb.RuleOnAppealRequest(**ruling, granted=False)
    ruled = (await line.stub.RuleOnAppeal(refused_one)).recommendation
    assert (ruled.owners[0].verdict, ruled.owners[0].appeal) == (
        apb.VERDICT_MISSED,
        apb.APPEAL_STATE_REFUSED,
    )
    # The first ruling stands.
    other = apb.RuleOnAppealRequest(**ruling, granted=True)
    assert (await line.stub.RuleOnAppeal(other)).recommendation == ruled


async def test_a_granted_false_alarm_voids_it(line: Line, acme: str) -> None:
    await missed(line, acme, "d1")
    await line.stub.Appeal(
        apb.AppealRequest(**of(acme, person_id="ann", reason=apb.APPEAL_REASON_FALSE_ALARM))
    )
    ruling = apb.RuleOnAppealRequest(**of(acme, person_id="ann", by_person_id="ceo", granted=True))
    record = (await line.stub.RuleOnAppeal(ruling)).recommendation
    assert history(record) == ["OPEN", "DELIVERED", "SEEN", "IGNORED", "VOID"]
    assert record.owners[0].verdict == apb.VERDICT_FALSE_ALARM
    assert record.feedback == "wrong"


async def test_only_owners_appeal_and_only_appeals_are_ruled_on(line: Line, acme: str) -> None:
    await missed(line, acme, "d1")
    appeal = apb.AppealRequest(**of(acme, person_id="bob", reason=apb.APPEAL_REASON_NEVER_SAW))
    assert (await refused(line.stub.Appeal(appeal)))[0] == "FAILED_PRECONDITION"
    ruling = apb.RuleOnAppealRequest(**of(acme, person_id="ann", by_person_id="ceo"))
    code, _ = await refused(line.stub.RuleOnAppeal(ruling))
    assert code == "FAILED_PRECONDITION"


async def test_withdrawing_voids_it_and_is_not_for_the_team(line: Line, acme: str) -> None:
    await line.decide(acme, "d1", person="ann")
    await termed(line, acme, "d1")
    request = apb.WithdrawRequest(**of(acme, by_person_id="ceo", note="they called us"))
    team = line.caller(acme, "team")
    assert (await refused(team.Withdraw(request)))[0] == "PERMISSION_DENIED"
    record = (await line.caller(acme, "operator").Withdraw(request)).recommendation
    assert history(record) == ["OPEN", "VOID"]
    assert record.owners[0].verdict == apb.VERDICT_WITHDRAWN


async def test_the_last_word_of_feedback_counts_and_becomes_a_label(line: Line, acme: str) -> None:
    await line.decide(acme, "d1", person="ann")
    await line.decide(acme, "d2", person="ann")
    await termed(line, acme, "d1")
    await termed(line, acme, "d2")
    for right in (True, False):
        request = apb.GiveFeedbackRequest(**of(acme, person_id="ann", right=right))
        record = (await line.stub.GiveFeedback(request)).recommendation
    assert record.feedback == "wrong"
    said = apb.GiveFeedbackRequest(
        **of(acme, "d2", person_id="ann", right=True, idempotency_key="k")
    )
    await line.stub.GiveFeedback(said)
    await line.stub.GiveFeedback(said)
    first = await line.stub.ListFeedback(apb.ListFeedbackRequest(tenant_id=acme, page_size=1))
    second = await line.stub.ListFeedback(
        apb.ListFeedbackRequest(tenant_id=acme, page_token=first.next_page_token)
    )
    (one,), (other,) = first.feedback, second.feedback
    assert (one.decision_id, one.right) == ("d1", False)
    assert (other.decision_id, other.right, other.emotion) == ("d2", True, "rage")
    assert (other.emotion_id, other.log_odds, other.confidence) == ("e-d2", 1.5, 80)
    card = await line.stub.GetScorecard(apb.GetScorecardRequest(tenant_id=acme))
    detector = card.figures.detector
    assert (detector.judged, detector.right, detector.rate) == (2, 1, 0.5)
    assert detector.said == pytest.approx(0.8)
    assert 0.09 < detector.low < detector.rate < detector.high < 0.91


async def test_lists_are_filtered(line: Line, acme: str) -> None:
    at_ms = await line.decide(acme, "d1", person="ann")
    await line.decide(acme, "d2", person="bob", due_in_ms=600_000)
    await line.tell(acme, "d2", ["DELIVERED"], at_ms=at_ms + 1)
    await line.reaches(acme, "d2", State.Value("RECOMMENDATION_STATE_DELIVERED"))
    await termed(line, acme, "d1")

    async def listed(**wanted: Any) -> list[str]:
        request = apb.ListRecommendationsRequest(tenant_id=acme, **wanted)
        page = await line.stub.ListRecommendations(request)
        return sorted(record.decision_id for record in page.recommendations)

    assert await listed(states=[apb.RECOMMENDATION_STATE_OPEN]) == ["d1"]
    assert await listed(states=[1, 2]) == ["d1", "d2"]
    assert await listed(due_before_ms=at_ms + 120_000) == ["d1"]
    assert await listed(since_ms=at_ms + 100_000) == []
    assert await listed(until_ms=at_ms + 100_000, person_id="bob") == ["d2"]
    unknown: list[Any] = [77]
    code, words = await refused(
        line.stub.ListRecommendations(
            apb.ListRecommendationsRequest(tenant_id=acme, states=unknown)
        )
    )
    assert (code, "states" in words) == ("INVALID_ARGUMENT", True)


async def test_scopes_say_who_may_only_look(line: Line, acme: str) -> None:
    await line.decide(acme, "d1", person="ann")
    await termed(line, acme, "d1")
    reader = line.caller(acme, "team", ["accountability:read"])
    await reader.GetRecommendation(apb.GetRecommendationRequest(**of(acme)))
    closing = apb.TaskClosedRequest(**of(acme, end=apb.TASK_END_DONE))
    assert (await refused(reader.TaskClosed(closing)))[0] == "PERMISSION_DENIED"
    crm = line.caller(acme, "team", ["accountability:write"])
    record = (await crm.TaskClosed(closing)).recommendation
    assert record.state == apb.RECOMMENDATION_STATE_ACTED
    theirs = line.caller("theirs", "operator")
    assert (await refused(theirs.TaskClosed(closing)))[0] == "PERMISSION_DENIED"


async def test_what_is_wrong_is_named(line: Line, acme: str) -> None:
    at_ms = await line.decide(acme, "d1", person="ann")
    await termed(line, acme, "d1")
    done = of(acme, end=apb.TASK_END_DONE)
    for call, code, word in (
        (
            line.stub.TaskClosed(apb.TaskClosedRequest(**of(acme))),
            "INVALID_ARGUMENT",
            "end",
        ),
        (
            line.stub.TaskClosed(apb.TaskClosedRequest(**done, reason=apb.DECLINE_REASON_NOT_NOW)),
            "INVALID_ARGUMENT",
            "reason",
        ),
        (
            line.stub.TaskClosed(apb.TaskClosedRequest(**done, note="x" * 1_001)),
            "INVALID_ARGUMENT",
            "note",
        ),
        (
            line.stub.TaskClosed(apb.TaskClosedRequest(**done, closed_at_ms=at_ms - 600_000)),
            "INVALID_ARGUMENT",
            "closed_at_ms",
        ),
        (
            line.stub.TaskClosed(apb.TaskClosedRequest(**done, channel="a\x00b")),
            "INVALID_ARGUMENT",
            "channel",
        ),
        (
            line.stub.TaskClosed(apb.TaskClosedRequest(**of(acme, "d9", end=apb.TASK_END_DONE))),
            "NOT_FOUND",
            "d9",
        ),
        (
            line.stub.HandOver(apb.HandOverRequest(**of(acme, to_person_id="nobody"))),
            "INVALID_ARGUMENT",
            "to_person_id",
        ),
        (
            line.stub.Appeal(apb.AppealRequest(**of(acme, person_id="ann"))),
            "INVALID_ARGUMENT",
            "reason",
        ),
        (
            line.stub.GetScorecard(
                apb.GetScorecardRequest(tenant_id=acme, person_id="ann", team="sales")
            ),
            "INVALID_ARGUMENT",
            "person_id and team",
        ),
    ):
        status, words = await refused(call)
        assert (status, word in words) == (code, True), words
    code, words = await refused(line.stub.HandOver(apb.HandOverRequest(**of(acme))))
    assert (code, "to_person_id" in words) == ("INVALID_ARGUMENT", True)


async def test_clocks_wait_while_identity_is_away(
    service: Service, postgres_url: str, log_url: str
) -> None:
    nowhere = Line(
        postgres_url, log_url, {"SIQ_MESH_SECRET": MESH, "SIQ_IDENTITY_ADDR": "127.0.0.1:9"}
    )
    await nowhere.start()
    try:
        at_ms = await nowhere.decide("lonely", "d1", due_in_ms=50)
        await nowhere.decide("lonely", "d2")
        await nowhere.reaches("lonely", "d2", State.Value("RECOMMENDATION_STATE_OPEN"))
        await nowhere.tell("lonely", "d2", ["ACTED"], at_ms=at_ms + 100)
        await nowhere.reaches("lonely", "d2", State.Value("RECOMMENDATION_STATE_ACTED"))
        record = await nowhere.get("lonely", "d1")
        assert record is not None
        assert (history(record), record.terms) == (["OPEN"], "")
    finally:
        await nowhere.close()
    back = Line(
        postgres_url,
        log_url,
        {"SIQ_MESH_SECRET": MESH, "SIQ_IDENTITY_ADDR": service.settings.listen},
    )
    await back.start()
    try:
        record = await back.reaches("lonely", "d1", State.Value("RECOMMENDATION_STATE_EXPIRED"))
        assert record.terms == "builtin"
    finally:
        await back.close()
