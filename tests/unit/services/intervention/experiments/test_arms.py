"""Arms as facts: what a policy is judged by, whichever rule it comes to."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

from services.intervention.experiments.arms import (
    EVERY_RULE,
    Arm,
    arm_of,
    choice_of,
    choices,
    facts_of,
    keys_of,
)
from services.intervention.experiments.assignment import Stood, Units, choose
from services.intervention.experiments.checks import NO_EXPERIMENTS
from services.intervention.experiments.exposure_log import Key
from tests.unit.services.intervention.experiments.documents import document, experiment

HOLDOUTS: dict[str, Any] = {
    "global": {"share": 0.3},
    "rules": {"stuck": {"share": 0.3, "unit": "session"}},
}
RUNNING = document(
    HOLDOUTS,
    pay=experiment(rule="rage"),
    draft=experiment(rule="other", state="draft"),
    elsewhere=experiment(rule=None),
)
RULES = ("rage", "stuck", "other", "of_no_experiment")


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_facts_say_of_each_rule_what_asking_for_it_says(person: str, session: str):
    units = Units(person=person, session=session)
    facts = facts_of(choices(RUNNING, units))
    # What is recorded is what is replayed.
    assert msgspec.json.decode(msgspec.json.encode(facts), type=dict[str, Arm]) == facts
    for rule in RULES:
        asked, told = choose(RUNNING, units, rule), arm_of(facts, rule)
        assert (told.act, told.reason, told.variant) == (asked.act, asked.reason, asked.variant)
        assert choice_of(choices(RUNNING, units), rule) == asked
        if asked.reason:
            assert told.propensity == asked.exposures[-1].propensity


def test_without_experiments_there_is_nothing_to_record():
    found = choices(NO_EXPERIMENTS, Units(person="u"))
    assert found == facts_of(found) == {}
    assert choice_of(found, "rage") is None
    assert keys_of("t", NO_EXPERIMENTS, Units(person="u")) == set()
    assert arm_of({}, "rage") == Arm()


def test_the_first_arm_stands_among_the_facts():
    units = next(
        units
        for number in range(100)
        if choose(RUNNING, units := Units(person=f"u-{number}"), "rage").variant == "pay:chat"
    )
    found = choices(RUNNING, units)
    assert keys_of("t", RUNNING, units) == {
        Key("t", name, units.person) for name in ("pay", "elsewhere", "holdout:global")
    }
    # With the chance that it was dealt by, not today's.
    before = {("pay", units.person): Stood("control", 0.1, (0.1, 0.9))}
    stood = choices(RUNNING, units, standing=before)
    assert facts_of(stood)["rage"] == Arm("nothing", "experiment", "pay:control", 0.1)
    same = {("pay", units.person): Stood("chat", 0.9, (0.1, 0.9))}
    assert facts_of(choices(RUNNING, units, standing=same))["rage"].propensity == 0.9
    assert choices(RUNNING, units, standing={}) == found
    assert set(found) == {EVERY_RULE, "rage", "stuck"}


def test_who_was_exposed_to_a_holdout_keeps_its_side():
    before, after = ({"global": {"share": share}} for share in (0.1, 0.5))
    held = next(
        units
        for number in range(100)
        if choose(document(before), units := Units(person=f"u-{number}"), "x").act == "nothing"
    )
    # Of those who were not held, one whom the larger share would hold.
    treated = next(
        units
        for number in range(100)
        if choose(document(before), units := Units(person=f"u-{number}"), "x").act == "rule"
        and choose(document(after), units, "x").act == "nothing"
    )
    for units, word, act in (
        (treated, Stood("treated", 0.9, (0.1, 0.9)), "rule"),
        (held, Stood("held", 0.1, (0.1, 0.9)), "nothing"),
    ):
        stood = {("holdout:global", units.person): word}
        choice = choose(document(after), units, "x", standing=stood)
        assert choice.act == act
        assert (choice.exposures[0].variant, choice.exposures[0].propensity) == word[:2]
    none = {("holdout:global", held.person): Stood("held", 0.1, (0.1, 0.9))}
    assert facts_of(choices(document(after), held, standing=none))[EVERY_RULE].propensity == 0.1


def test_only_what_is_verified_is_a_unit():
    known = {"user_id": "u", "company": "acme.example", "session_id": "s"}
    assert Units.proven(**known, assurance=identity_pb2.ASSURANCE_VERIFIED) == Units(
        "u", "acme.example", "s"
    )
    for weaker in (identity_pb2.ASSURANCE_CLAIMED, identity_pb2.ASSURANCE_INFERRED):
        assert Units.proven(**known, assurance=weaker) == Units(session="s")
