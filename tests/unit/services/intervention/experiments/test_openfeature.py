"""The OpenFeature provider, through OpenFeature's own client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from services.intervention.experiments.assignment import Exposure, Units, assign
from services.intervention.experiments.checks import Experiments
from services.intervention.experiments.openfeature import ExperimentProvider
from tests.unit.services.intervention.experiments.documents import document, experiment

EXPOSED: list[Exposure] = []
IN_FORCE = document(
    {"global": {"share": 0.2, "unit": "session"}},
    pay=experiment(),
    firm=experiment(unit="company", rule=None),
    draft=experiment(state="draft", rule=None),
    few=experiment(traffic=1e-9, rule=None),
)


@pytest.fixture
def client() -> Iterator[OpenFeatureClient]:
    EXPOSED.clear()

    def experiments() -> Experiments:
        return IN_FORCE

    api.set_provider(ExperimentProvider(experiments, exposed=EXPOSED.extend))
    yield api.get_client()
    api.shutdown()


def context(**attributes: Any) -> EvaluationContext:
    return EvaluationContext(attributes=attributes)


def test_every_kind_of_flag_tells_the_same_arm(client: OpenFeatureClient):
    seen: set[str] = set()
    for number in range(40):
        who = EvaluationContext(targeting_key=f"u-{number}")
        arm = assign(IN_FORCE.trial("pay"), Units(person=f"u-{number}")).variant
        details = client.get_string_details("pay", "none", who)
        assert (details.value, details.variant, details.reason) == (arm, arm, Reason.SPLIT)
        assert details.flag_metadata == {"version": "tenant@1", "propensity": 0.5}
        assert client.get_boolean_value("pay", False, who) is (arm == "chat")
        assert client.get_object_value("pay", {}, who) == {
            "experiment": "pay",
            "variant": arm,
            "act": "nothing" if arm == "control" else "rule",
        }
        seen.add(arm)
    assert seen == {"control", "chat"}
    assert {(one.experiment, one.kind) for one in EXPOSED} == {("pay", "person")}


@pytest.mark.parametrize(
    ("key", "who", "reason", "why"),
    [
        ("draft", context(person="u"), Reason.DISABLED, "not_running"),
        ("few", context(person="u"), Reason.DEFAULT, "traffic"),
    ],
)
def test_who_takes_no_part_gets_the_default(
    client: OpenFeatureClient, key: str, who: EvaluationContext, reason: Reason, why: str
):
    details = client.get_string_details(key, "as ever", who)
    assert (details.value, details.reason, details.error_code) == ("as ever", reason, None)
    assert details.flag_metadata["why"] == why
    assert EXPOSED == []


def test_who_is_held_out_gets_the_default_and_is_counted(client: OpenFeatureClient):
    held = 0
    for number in range(200):
        who = context(person=f"u-{number}", session=f"s-{number}")
        details = client.get_string_details("pay", "as ever", who)
        if details.flag_metadata.get("why") == "holdout":
            held += 1
            assert details.value == "as ever"
    assert 20 < held < 60
    assert sum(one.variant == "held" for one in EXPOSED) == held


@pytest.mark.parametrize(
    ("key", "who", "code"),
    [
        ("pya", context(person="u"), ErrorCode.FLAG_NOT_FOUND),
        ("firm", context(person="u"), ErrorCode.TARGETING_KEY_MISSING),
        ("pay", EvaluationContext(), ErrorCode.TARGETING_KEY_MISSING),
    ],
)
def test_errors_are_openfeatures(
    client: OpenFeatureClient, key: str, who: EvaluationContext, code: ErrorCode
):
    details = client.get_string_details(key, "as ever", who)
    assert (details.value, details.error_code) == ("as ever", code)
    assert details.error_message


def test_an_arm_is_no_number(client: OpenFeatureClient):
    who = EvaluationContext(targeting_key="u")
    for details in (
        client.get_integer_details("pay", 1, who),
        client.get_float_details("pay", 1.0, who),
    ):
        assert details.error_code is ErrorCode.TYPE_MISMATCH
        assert "ask for a string" in str(details.error_message)
