"""From decisions and outcomes to the units that are compared."""

from __future__ import annotations

import math
from typing import Any

import pytest

from services.accountability.costing.answer import answer, cost_of
from services.accountability.costing.facts import DAY_MS, Decided, Facts, Met, Question
from services.accountability.costing.rows import FORGOTTEN, dealt_rows, offered_rows
from services.accountability.costing.samples import sample_of
from services.accountability.outcomes.document import DEFAULTS, Kind
from services.accountability.outcomes.facts import Paid, Tracked
from services.common.errors import NotFound

T0 = 1_700_000_000_000
WEEK_MS = 7 * DAY_MS


def decided(id_: str, *, user: str = "u1", at_ms: int = T0, arm: str = "", **more: Any) -> Decided:
    given: dict[str, Any] = {
        "session_id": f"s-{user}", "user_id": user, "company": "acme.example", "emotion": "rage",
        "offered": arm != "held", "at_ms": at_ms, "due_at_ms": 0, "acted_at_ms": 0,
        "shown_at_ms": 0, "currency": "EUR", "minor": 1_000, "before": {"confidence": 80.0},
        "words": {"page": "/pay"},
        "met": (Met("holdout:global", "person", arm, 0.1 if arm == "held" else 0.9),) * bool(arm),
    }  # fmt: skip
    return Decided(id_, **{**given, **more})


def bought(key: str, at_ms: int, *, user: str = "u1", props: str = "") -> Tracked:
    return Tracked(key, "Order Completed", props, f"s-{user}", user, at_ms)


def facts(
    *ones: Decided, tracked: tuple[Tracked, ...] = (), paid: tuple[Paid, ...] = (),
    kind: Kind = DEFAULTS["purchase"], holdout: str = "", now_ms: int = T0 + 100 * DAY_MS,
) -> Facts:  # fmt: skip
    question = Question("acme", "", "purchase", 0, now_ms, holdout)
    ordered = sorted(ones, key=lambda one: (one.at_ms, one.id))
    payments = Kind(DEFAULTS["purchase"].track, ("purchase", "subscription"))
    return Facts(question, kind, payments, ordered, tracked, paid, now_ms)


def test_a_person_counts_once_from_the_first_decision_on() -> None:
    found = dealt_rows(
        facts(
            decided("d2", arm="held", at_ms=T0 + 5_000),
            decided("d1", arm="held"),
            decided("d3", user="u2", arm="treated"),
            decided("d4", user="u3"),
            tracked=(bought("a", T0 + 6_000), bought("b", T0 - 1), bought("c", T0 + WEEK_MS + 1)),
        )
    )
    one, two = sorted(found.rows, key=lambda row: row.unit)
    assert (found.holdout, found.unit_kind) == ("holdout:global", "person")
    assert (one.first.id, one.helped, [o.id for o in one.credited]) == ("d1", False, ["a"])
    assert (two.unit, two.helped, two.credited) == ("u2", True, ())
    assert one.share == two.share == pytest.approx(0.9)


def test_what_colleagues_did_counts_for_their_company() -> None:
    met = (Met("holdout:global", "company", "held", 0.1),)
    found = dealt_rows(
        facts(
            decided("d1", met=met), decided("d2", user="u2", met=met),
            tracked=(bought("a", T0 + 1, user="u2"), bought("b", T0 + 2)),
        )
    )  # fmt: skip
    (row,) = found.rows
    assert (row.unit, [one.id for one in row.credited]) == ("acme.example", ["a", "b"])


def test_an_open_window_waits() -> None:
    (row,) = dealt_rows(facts(decided("d1", arm="held"), now_ms=T0 + WEEK_MS - 1)).rows
    assert row.left_out == "its window of 7 days is still open"
    assert dealt_rows(facts(decided("d1", arm="held"), now_ms=T0 + WEEK_MS)).rows[0].left_out == ""


def test_what_nobody_knows_any_more_is_left_out_and_said() -> None:
    """Events are deleted after 90 days: it would look as if these had never bought."""
    now_ms = T0 + 400 * DAY_MS
    stored = {"old": now_ms - 89 * DAY_MS, "new": now_ms - 89 * DAY_MS + 1, "unknown": 0}
    ones = [
        decided(name, user=name, arm="held", stored_at_ms=at_ms) for name, at_ms in stored.items()
    ]
    asked = facts(*ones, now_ms=now_ms)
    found = {row.unit: row.left_out for row in dealt_rows(asked).rows}
    assert found == {"old": FORGOTTEN, "new": "", "unknown": ""}
    offers = facts(
        *(decided(name, user=name, stored_at_ms=at_ms) for name, at_ms in stored.items()),
        now_ms=now_ms,
    )
    assert [row.left_out for row in offered_rows(offers).rows if row.unit == "old"] == [FORGOTTEN]
    (warning,) = cost_of(answer(offers)).warnings
    assert warning.startswith("1 can no longer be judged, decided 2023-11-14 to 2023-11-14")
    # What the tenant's server tells of is not in events.
    server = Kind((), ("purchase",))
    told = dealt_rows(facts(*ones, kind=server, now_ms=now_ms))
    assert {row.left_out for row in told.rows} == {""}


def test_the_holdout_that_held_most_is_taken_or_the_one_asked_for() -> None:
    rule = Met("holdout:pay", "session", "held", 0.2)
    ones = [
        decided("d1", arm="held"),
        decided("d2", user="u2", arm="treated", met=(rule,)),
        decided("d3", user="u3", arm="treated", met=(rule,)),
    ]
    assert dealt_rows(facts(*ones)).holdout == "holdout:pay"
    assert dealt_rows(facts(*ones, holdout="holdout:global")).holdout == "holdout:global"
    with pytest.raises(NotFound, match="holdout:global, holdout:pay"):
        dealt_rows(facts(*ones, holdout="holdout:none"))


def test_help_must_come_in_time_to_be_help() -> None:
    due_ms = T0 + 3_600_000
    found = offered_rows(
        facts(
            decided("d1", due_at_ms=due_ms, acted_at_ms=due_ms),
            decided("d2", user="u2", due_at_ms=due_ms, acted_at_ms=due_ms + 1),
            decided("d3", user="u3", shown_at_ms=T0 + 300),
            decided("d4", user="u4", offered=False),
            decided("d5", user="", session_id="s9"),
        )
    )
    assert {row.unit: row.helped for row in found.rows} == {
        "u1": True, "u2": False, "u3": True, "s9": False
    }  # fmt: skip
    assert all(math.isnan(row.share) for row in found.rows)


def test_who_bought_before_help_could_come_is_left_out_whether_helped_or_not() -> None:
    due_ms = T0 + 3_600_000
    found = offered_rows(
        facts(
            decided("d1", due_at_ms=due_ms, acted_at_ms=T0 + 10),
            decided("d2", user="u2", due_at_ms=due_ms),
            decided("d3", user="u3", due_at_ms=due_ms),
            tracked=(
                bought("a", T0 + 5),
                bought("b", T0 + 5, user="u2"),
                bought("c", due_ms, user="u3"),
            ),
        )
    )
    assert {row.unit: bool(row.left_out) for row in found.rows} == {
        "u1": True, "u2": True, "u3": False
    }  # fmt: skip
    assert [len(row.credited) for row in found.rows] == [0, 0, 1]


def test_history_is_in_two_parts_and_ends_at_the_decision() -> None:
    def paid(id_: str, days: float, minor: int) -> Paid:
        return Paid(id_, "u1", "purchase", "EUR", minor, T0 - round(days * DAY_MS))

    (row,) = dealt_rows(
        facts(
            decided("d1", arm="held"),
            paid=(paid("p1", 3, 500), paid("p2", 27, 50), paid("p3", 40, 7), paid("p4", 99, 1)),
        )
    ).rows
    assert row.before == {
        "confidence": 80, "value_EUR": 1_000, "payments_before": 2, "paid_EUR_before": 550
    }  # fmt: skip
    assert row.earlier == {
        "paid_earlier": pytest.approx(math.log(2)), "paid_EUR_earlier": pytest.approx(math.log(8))
    }  # fmt: skip


def test_money_is_what_was_paid_or_what_was_at_stake() -> None:
    told = '{"order_id": "o1", "total": 12.5, "currency": "EUR"}'
    given = facts(
        decided("d1", arm="held"),
        decided("d2", user="u2", arm="treated", currency="JPY", minor=70),
        decided("d3", user="u3", arm="treated", minor=None),
        tracked=(bought("a", T0 + 1, props=told), bought("b", T0 + 1, user="u2")),
    )
    paid = sample_of(dealt_rows(given), DEFAULTS["purchase"])
    assert list(paid.money) == ["EUR"]
    assert paid.money["EUR"].kept.tolist() == [1_250, 0, 0]
    assert paid.money["EUR"].known.all()
    churn = Kind(("Order Completed",), window_days=7, basis="at_stake", wished=False)
    stake = sample_of(dealt_rows(given), churn)
    assert stake.units.kept.tolist() == [0, 0, 1]
    assert stake.units.happened.tolist() == [True, True, False]
    assert stake.money["EUR"].kept.tolist() == [0, 0, 0]
    assert stake.money["EUR"].known.tolist() == [True, False, False]
    assert stake.money["JPY"].known.tolist() == [False, True, False]
