"""Arms as facts: what a policy is judged by, whichever rule it comes to."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.intervention.experiments.arms import (
    EVERY_RULE,
    Arm,
    arm_of,
    choice_of,
    choices,
    facts_of,
    keys_of,
    standing_arms,
)
from services.intervention.experiments.assignment import Units, choose
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
    assert keys_of("t", found) == set()
    assert arm_of({}, "rage") == Arm()


def test_the_first_arm_stands_among_the_facts():
    units = next(
        units
        for number in range(100)
        if choose(RUNNING, units := Units(person=f"u-{number}"), "rage").variant == "pay:chat"
    )
    found = choices(RUNNING, units)
    assert keys_of("t", found) == {Key("t", "pay", units.person)}
    stood = standing_arms("t", found, {Key("t", "pay", units.person): "control"})
    assert facts_of(stood)["rage"] == Arm("nothing", "experiment", "pay:control", 0.5)
    assert standing_arms("t", found, {}) == found
    assert set(found) == {EVERY_RULE, "rage", "stuck"}
