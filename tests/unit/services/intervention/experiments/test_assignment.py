"""Who is in which arm: the same for ever, in the shares asked for, by independent draws."""

from __future__ import annotations

import importlib
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intervention.experiments.assignment import (
    Stood,
    Units,
    assign,
    choose,
    holds,
    pick,
    point,
    stand_by,
)
from services.intervention.experiments.checks import HELD
from tests.unit.services.intervention.experiments.documents import document, experiment, trial

stats: Any = importlib.import_module("scipy.stats")  # without types

N = 20_000
NAMES = st.text(min_size=1, max_size=40)
LEAST_P = 1e-6
"""Nothing here is drawn by chance: a test that passes once passes always."""


def people(count: int = N) -> list[Units]:
    return [Units(person=f"u-{number}") for number in range(count)]


def test_points_are_what_they_were():
    """By `printf 'variant\\0pay\\0u-1' | b2sum -l 64`, its upper 53 bits by 2^53.

    Another hash would deal every unit of every running experiment anew.
    """
    assert point("variant", "pay", "u-1") == 0.9180737453206107
    assert point("holdout", "holdout:global", "u-1") == 0.3897184295784245
    assert point("layer", "help", "Zoë") == 0.15056061764771345


@given(NAMES, NAMES, NAMES)
def test_points_are_sticky_and_within_bounds(purpose: str, salt: str, unit: str):
    assert 0 <= point(purpose, salt, unit) < 1
    assert point(purpose, salt, unit) == point(purpose, salt, unit)


@given(
    st.lists(st.floats(0.001, 1000), min_size=2, max_size=10),
    st.floats(0, 1, exclude_max=True),
    st.text(min_size=1, max_size=40),
)
def test_an_arm_is_always_one_of_the_arms(weights: list[float], at: float, unit: str):
    arms = [{"name": f"v{number}", "weight": weight} for number, weight in enumerate(weights)]
    found = trial(variants=arms)
    assert 0 <= pick(found.shares, at) < len(arms)
    one = assign(found, Units(person=unit))
    assert one == assign(found, Units(person=unit, company="c", session="s"))
    assert one.variant in found.names
    assert one.propensity == found.shares[found.names.index(one.variant)]


@given(st.lists(st.integers(1, 20), min_size=2, max_size=6), st.text(min_size=1, max_size=20))
def test_weights_are_respected(weights: list[int], salt: str):
    arms = [{"name": f"v{number}", "weight": weight} for number, weight in enumerate(weights)]
    found = trial(variants=arms, salt=salt)
    counts = Counter(assign(found, units).variant for units in people(2_000))
    observed = [counts[name] for name in found.names]
    expected = [2_000 * share for share in found.shares]
    # Hypothesis looks for the worst of many salts: a bound for one would be broken by chance.
    assert stats.chisquare(observed, expected).pvalue > 1e-9


@pytest.mark.parametrize(
    "one",
    [
        {"salt": "other"},
        {"layer": {"name": "l1", "start": 0.0, "end": 1.0}},
        {"traffic": 0.5},
    ],
)
def test_arms_of_two_experiments_are_unrelated(one: dict[str, Any]):
    first, second = trial(**one), trial(layer={"name": "l2", "start": 0.2, "end": 0.9}, salt="s")
    pairs = Counter(
        (assign(first, units).variant, assign(second, units).variant) for units in people()
    )
    rows, columns = sorted({a for a, _ in pairs}), sorted({b for _, b in pairs})
    table = np.array([[pairs[(a, b)] for b in columns] for a in rows])
    assert stats.chi2_contingency(table).pvalue > LEAST_P


def test_slices_of_a_layer_share_nobody_and_leave_nobody_out():
    halves = [
        trial(layer={"name": "help", "start": start, "end": start + 0.5}, salt=f"s{start}")
        for start in (0.0, 0.5)
    ]
    for units in people(2_000):
        assert sum(bool(assign(half, units).variant) for half in halves) == 1


def test_more_traffic_moves_nobody():
    before = {
        units.person: found.variant
        for units in people(5_000)
        if (found := assign(trial(traffic=0.2), units)).variant
    }
    assert 900 < len(before) < 1_100
    after = trial(traffic=0.7)
    assert all(assign(after, Units(person=unit)).variant == arm for unit, arm in before.items())


@pytest.mark.parametrize(
    ("changes", "units", "reason"),
    [
        ({"state": "draft"}, Units(person="u"), "not_running"),
        ({"unit": "company"}, Units(person="u"), "no_unit"),
        ({"traffic": 1e-9}, Units(person="u"), "traffic"),
    ],
)
def test_who_takes_no_part_is_told_why(changes: dict[str, Any], units: Units, reason: str):
    found = assign(trial(**changes), units)
    assert (found.variant, found.reason, found.act) == ("", reason, "rule")


def test_a_company_is_dealt_as_one():
    found = trial(unit="company")
    arms = {
        assign(found, Units(person=f"u{number}", company="acme.example")).variant
        for number in range(100)
    }
    assert len(arms) == 1


HOLDOUTS: dict[str, Any] = {
    "global": {"share": 0.1},
    "rules": {"rage": {"share": 0.2, "unit": "session"}},
}


def test_holdouts_leave_alone_whom_they_should():
    experiments = document(HOLDOUTS, pay=experiment())
    held = Counter[str]()
    for number in range(N):
        units = Units(person=f"u-{number}", session=f"s-{number}")
        choice = choose(experiments, units, "rage")
        if choice.reason == "holdout":
            assert (choice.act, choice.assignment) == ("nothing", None)
            assert choice.exposures[-1].variant == HELD
            held[choice.exposures[-1].experiment] += 1
        else:
            # Those who are not held are the comparison: they are exposed to the holdout too.
            assert [one.variant for one in choice.exposures[:2]] == ["treated", "treated"]
            assert choice.reason == "experiment"
    assert stats.binomtest(held["holdout:global"], N, 0.1).pvalue > LEAST_P
    assert stats.binomtest(held["holdout:rage"], N - held["holdout:global"], 0.2).pvalue > LEAST_P


def test_a_rule_without_holdout_or_experiment_does_as_it_says():
    choice = choose(document(None, pay=experiment()), Units(person="u"), "hesitation")
    assert (choice.act, choice.reason, choice.variant, choice.exposures) == ("rule", "", "", ())
    everybody = holds(document(HOLDOUTS), Units(session="s"), "hesitation")
    assert everybody == []  # nobody is known who could be held out


def test_shares_that_follow_the_results_are_logged_as_they_are():
    experiments = document(None, pay=experiment(adaptive={"floor": 0.1}))
    found = choose(experiments, Units(person="u-1"), "rage", {"pay": (0.05, 0.95)})
    assert found.variant == "pay:chat"
    assert found.exposures[-1].propensity == 0.95
    assert found.exposures[-1].shares == (0.05, 0.95)


def test_the_first_arm_stands():
    experiments = document(None, pay=experiment(variants=[
        {"name": "control", "act": "nothing"}, {"name": "chat", "act": "help@1"},
    ]))  # fmt: skip
    choice = choose(experiments, Units(person="u-1"), "rage")
    assert (choice.variant, choice.act) == ("pay:chat", "help@1")
    assert stand_by(choice, Stood("chat", 0.5, (0.5, 0.5))).variant == "pay:chat"
    moved = stand_by(choice, Stood("control", 0.2, (0.2, 0.8)))
    assert moved.assignment is not None
    assert moved.assignment.propensity == 0.2
    assert (moved.variant, moved.act) == ("pay:control", "nothing")
    gone = stand_by(choice, Stood("an_arm_of_last_week", 0.5, (0.5, 0.5)))
    assert (gone.variant, gone.act, gone.reason) == ("", "rule", "")
