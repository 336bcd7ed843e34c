"""What is left of a proposal under its session's limits."""

from __future__ import annotations

import pytest
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.policy import Limits
from services.intervention.proposal import DraftMessage, Proposal, age_ms
from services.intervention.settle import SessionLimits, settle

NOW_MS = 1_700_000_000_000


def proposal(*, page: bool = True, team: bool = True, stale: bool = False) -> Proposal:
    decision = pb.Decision(id="d", action=pb.DECISION_ACTION_NOTHING, reason="rule")
    if page:
        decision.intervention.id = "i"
    messages: list[DraftMessage] = []
    if team:
        decision.recommendation.person_id = "p"
        messages.append(DraftMessage("m", "p", "sms", "sms", "h", b"", NOW_MS))
    return Proposal(decision, Limits(), stale, messages)


def parts(made: Proposal) -> tuple[bool, bool]:
    decision = made.decision
    assert bool(made.messages) == decision.HasField("recommendation")
    return decision.HasField("intervention"), decision.HasField("recommendation")


def test_free_session_gets_both() -> None:
    made, session = proposal(), SessionLimits()
    settle(made, session, handled=False, now_ms=NOW_MS)
    assert parts(made) == (True, True)
    assert (made.decision.action, made.decision.reason) == (pb.DECISION_ACTION_INTERVENE, "rule")
    assert session == SessionLimits(NOW_MS + 60_000, NOW_MS + 600_000)


@pytest.mark.parametrize(
    ("page_free", "team_free", "stale", "expected", "reason"),
    [
        (1, 0, False, (False, True), "cooldown"),
        (0, 1, False, (True, False), "rule"),
        (1, 1, False, (False, False), "cooldown"),
        (0, 0, True, (False, True), "stale"),
        (0, 1, True, (False, False), "stale"),
        (1, 0, True, (False, True), "stale"),
    ],
)
def test_limits_take_parts_out(
    page_free: int, team_free: int, stale: bool, expected: tuple[bool, bool], reason: str
) -> None:
    made = proposal(stale=stale)
    session = SessionLimits(NOW_MS + page_free, NOW_MS + team_free)
    settle(made, session, handled=False, now_ms=NOW_MS)
    assert parts(made) == expected
    assert made.decision.reason == reason
    nothing = made.decision.action == pb.DECISION_ACTION_NOTHING
    assert nothing is (expected == (False, False))


def test_stale_help_leaves_the_page_free() -> None:
    made, session = proposal(team=False, stale=True), SessionLimits()
    settle(made, session, handled=False, now_ms=NOW_MS)
    assert session == SessionLimits()


def test_handled_episode_does_nothing_and_costs_nothing() -> None:
    made, session = proposal(), SessionLimits()
    settle(made, session, handled=True, now_ms=NOW_MS)
    assert parts(made) == (False, False)
    assert made.decision.reason == "episode_handled"
    assert session == SessionLimits()


def test_nothing_stays_nothing() -> None:
    made = proposal(page=False, team=False)
    made.decision.reason = "no_rule"
    settle(made, SessionLimits(), handled=True, now_ms=NOW_MS)
    assert made.decision.reason == "no_rule"


@pytest.mark.parametrize(
    ("occurred", "detected", "age"),
    [
        (NOW_MS - 4_000, NOW_MS - 10, 4_000),
        (NOW_MS + 60_000, NOW_MS - 10, 10),
        (0, NOW_MS - 10, 10),
        (NOW_MS, NOW_MS + 500, 0),
    ],
)
def test_age_counts_from_the_earlier_clock(occurred: int, detected: int, age: int) -> None:
    emotion = emotion_pb2.Emotion(occurred_at_ms=occurred, detected_at_ms=detected)
    assert age_ms(emotion, NOW_MS) == age
