"""The verdict of a smoke run: every way in which the line may not hold is seen."""

from __future__ import annotations

import pytest
from sentientiq.intervention.v1 import intervention_pb2

from cli.smoke.cast import Cast
from cli.smoke.ledger import Ledger
from cli.smoke.story import Message, Story
from cli.smoke.verdict import SLOW_ALERT_P99_MS, judge
from cli.smoke.visitor import Visitor

T = 1_700_000_000_000.0


@pytest.fixture
def ledger() -> Ledger:
    return Ledger("unix:///nonexistent", "smoke")


def story(ledger: Ledger, index: int = 0) -> Story:
    """A visitor for whom all went well: help after 20 ms, a text after 40 ms."""
    told = Story(index, f"company-{index}.example", f"+1555{index}")
    told.session, told.stream, told.offset_ms = f"s{index}", "p1", 1000.0
    told.presses = [T, T + 200, T + 400]
    told.late_ms = [0.5, 0.5, 0.5]
    told.decision = f"d{index}"
    told.interventions = {"help": T + 220, "offer": T + 5000}
    told.messages = [Message(index, "…", T + 240)]
    told.act_at_ms = T + 4700
    told.acted = told.offered = True
    decision = intervention_pb2.Decision(id=told.decision, session_id=told.session)
    # The server's clock is a second ahead; the frame's times are rounded to whole milliseconds.
    decision.emotion.occurred_at_ms = int(T + 200 + 1000 + 1)
    decision.recommendation.person_id = "owner"
    ledger.decisions[decision.id] = decision
    return told


def test_all_well_holds_and_is_timed_from_the_press_that_tipped_it(ledger: Ledger) -> None:
    verdict = judge([story(ledger, 0), story(ledger, 1)], ledger, [])
    assert verdict.holds
    assert verdict.as_json() == {
        "interventions": 2,
        "intervention_ms": {"p50": 20.0, "p99": 20.0, "p999": 20.0, "max": 20.0},
        "alert_ms": {"p50": 40.0, "p99": 40.0, "p999": 40.0, "max": 40.0},
        "act_ms": {"p50": 300.0, "p99": 300.0, "p999": 300.0, "max": 300.0},
        "acted": 2,
        "lost": 0,
        "duplicated": 0,
        "visitors": 2,
        "generator_late_ms": {"p50": 0.5, "p99": 0.5, "p999": 0.5, "max": 0.5},
    }


def test_an_act_that_takes_a_second_does_not_hold(ledger: Ledger) -> None:
    told = story(ledger)
    told.act_at_ms = T + 3990
    verdict = judge([told], ledger, [])
    assert not verdict.holds
    assert verdict.act_ms["max"] == 1010


def test_a_text_may_take_longer_where_the_provider_is_slow(ledger: Ledger) -> None:
    told = story(ledger)
    told.messages = [Message(0, "…", T + 200 + 2_900)]
    assert not judge([told], ledger, []).holds
    assert judge([told], ledger, [], SLOW_ALERT_P99_MS).holds


def test_help_that_never_came_is_lost_and_counts_ten_seconds(ledger: Ledger) -> None:
    told = story(ledger)
    told.interventions = {}
    verdict = judge([told], ledger, [])
    assert not verdict.holds
    assert verdict.intervention_ms["max"] == 10_000
    assert verdict.lost == ["visitor 0: help in the page", "visitor 0: offer in the page"]


def test_text_that_never_came_is_lost(ledger: Ledger) -> None:
    told = story(ledger)
    told.messages = []
    verdict = judge([told], ledger, [])
    assert verdict.lost == ["visitor 0: text to the owner"]
    assert verdict.alert_ms["max"] == 10_000


def test_acknowledged_message_absent_from_the_log_is_lost(ledger: Ledger) -> None:
    verdict = judge([story(ledger)], ledger, ["visitor 0: acknowledged seq 3 (behavior.v1)"])
    assert len(verdict.lost) == 1
    assert not verdict.holds


def test_effects_that_happen_twice_are_seen(ledger: Ledger) -> None:
    told = story(ledger)
    told.messages.append(Message(9, "…", T + 300))
    told.interventions["another"] = T + 6000
    again = intervention_pb2.Decision()
    again.CopyFrom(ledger.decisions["d0"])
    again.id = "d0-again"
    ledger.decisions[again.id] = again
    verdict = judge([told], ledger, [])
    assert len(verdict.duplicated) == 3
    assert not verdict.holds


def test_an_intervention_that_comes_twice_to_one_page_is_seen(ledger: Ledger) -> None:
    told = story(ledger)
    told.deliveries.update([("help", 1), ("offer", 1), ("offer", 2)])
    assert judge([told], ledger, []).holds  # sent again on a new connection, as it should be
    told.deliveries["help", 1] += 1
    verdict = judge([told], ledger, [])
    assert verdict.duplicated == ["visitor 0: intervention help came 2 times on one connection"]
    assert not verdict.holds


async def test_a_visitor_counts_every_delivery(ledger: Ledger) -> None:
    told = story(ledger)
    visitor = Visitor(told, Cast("smoke", "secret", "pk_test", [told]), "ws://unused")
    for _ in range(2):
        visitor.receive({"type": "intervention", "id": "help", "decision": "d0"}, T)
    assert list(told.deliveries.values()) == [2]


def test_an_owner_who_did_not_act_does_not_hold(ledger: Ledger) -> None:
    told = story(ledger)
    told.acted = False
    assert not judge([told], ledger, []).holds


def test_slow_help_does_not_hold(ledger: Ledger) -> None:
    told = story(ledger)
    told.interventions["help"] = T + 200 + 301
    assert not judge([told], ledger, []).holds


def test_ledger_names_what_is_missing(ledger: Ledger) -> None:
    told = story(ledger)
    told.sent = {1: "identity.v1", 2: "behavior.v1", 3: "outcome-id", 4: "behavior.v1"}
    told.acked = 3
    ledger.stored["s0", "p1", 1] = 1
    assert ledger.absent([told]) == [
        "visitor 0: acknowledged seq 2 (behavior.v1)",
        "visitor 0: acknowledged seq 3 (outcome-id)",
    ]
    ledger.stored["s0", "p1", 2] = 1
    ledger.outcomes["outcome-id"] = 1
    assert ledger.absent([told]) == []
