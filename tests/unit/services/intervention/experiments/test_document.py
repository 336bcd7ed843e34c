"""The document `experiments`: what is refused, and how the mend is named."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from services.intervention.experiments.checks import ExperimentError, parse_experiments
from services.intervention.experiments.schema import PATH, experiments_schema
from tests.documents import ROOT, fenced
from tests.unit.services.intervention.experiments.documents import body, document, experiment, trial

RATIO = {"name": "rate", "kind": "ratio", "of": "clicked", "per": "shown"}
PRIMARY = {"name": "bought", "role": "primary"}


def test_weights_become_shares():
    three = [{"name": "a", "weight": 2}, {"name": "b", "weight": 1}, {"name": "c", "weight": 1}]
    assert trial(variants=three).shares == (0.5, 0.25, 0.25)


def layered(start: float, end: float, **changes: Any) -> dict[str, Any]:
    return experiment(layer={"name": "help", "start": start, "end": end}, **changes)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"variants": [{"name": "a"}]}, "length >= 2"),
    ({"variants": [{"name": "a"}, {"name": "a"}]}, "rename one"),
    ({"variants": [{"name": "a"}, {"name": "b", "act": "shout"}]}, "act"),
    ({"metrics": [{"name": "bought"}]}, "expected one of role 'primary'"),
    ({"metrics": [PRIMARY, {"name": "x", "role": "primary"}]}, "was bought, x"),
    ({"metrics": [PRIMARY, {"name": "x", "kind": "ratio"}]}, "a ratio names its denominator"),
    ({"metrics": [PRIMARY, {"name": "x", "per": "y"}]}, "only a ratio does"),
    ({"metrics": [PRIMARY, {"name": "x", "cap": 3}]}, "leave it out"),
    (
        {"metrics": [PRIMARY, {"name": "x", "kind": "mean", "cap": 3, "cap_quantile": 0.9}]},
        "not both",
    ),
    ({"metrics": [PRIMARY, {"name": "x", "tolerance": 0.1}]}, "make it a guardrail"),
    ({"plan": {"mde": 0}}, "plan.mde"),
    ({"plan": {"mde": 0.1, "min_days": 9, "max_days": 7}}, "lower it"),
    ({"traffic": 0.5, "layer": {"name": "l", "start": 0, "end": 0.5}}, "slice of the layer"),
    ({"layer": {"name": "l", "start": 0.5, "end": 0.5}}, "must be less"),
    ({"adaptive": {"floor": 0.5}}, "leave room"),
    ({"adaptive": {}, "plan": {"mde": 0.1, "inference": "fixed"}}, "need 'sequential'"),
    ({"adaptive": {}, "metrics": [PRIMARY, RATIO]}, "use a proportion or a mean"),
    ({"sate": "running"}, "unknown field `sate`"),
]


@pytest.mark.parametrize(("changes", "mend"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_is_wrong_is_named_with_its_mend(changes: dict[str, Any], mend: str):
    with pytest.raises(ExperimentError, match=r"^experiments tenant@7: ") as caught:
        parse_experiments("tenant@7", body(pay=experiment(**changes)))
    assert mend in str(caught.value)


@pytest.mark.parametrize(
    ("others", "mend"),
    [
        ({"a": experiment(), "b": experiment()}, "side by side into one layer"),
        ({"a": layered(0, 0.6), "b": layered(0.5, 1)}, "slices of layer 'help' overlap"),
        ({"a": layered(0, 0.5), "b": layered(0.5, 1, unit="session")}, "the same unit"),
        ({"a": layered(0, 0.5), "b": experiment()}, "side by side into one layer"),
    ],
)
def test_experiments_that_get_in_each_others_way_are_refused(
    others: dict[str, dict[str, Any]], mend: str
):
    with pytest.raises(ExperimentError) as caught:
        document(None, **others)
    assert mend in str(caught.value)
    stopped = {**others, "b": {**others["b"], "state": "stopped"}}
    assert set(document(None, **stopped).trials) == {"a", "b"}


def test_an_unknown_experiment_is_told_the_known_ones():
    with pytest.raises(ExperimentError, match="known are pay"):
        document(pay=experiment()).trial("pya")


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_document_is_refused(text: bytes):
    with pytest.raises(ExperimentError):
        parse_experiments("tenant@1", text)


def test_a_holdout_with_metrics_is_reported_on_as_what_it_is():
    plan, metrics = {"mde": 0.02}, [PRIMARY]
    holdouts = {"global": {"share": 0.05, "plan": plan, "metrics": metrics}, "rules": {}}
    found = document({**holdouts, "rules": {"rage": {"share": 0.1}}}, pay=experiment())
    held = found.reported("holdout:global")
    assert held.names == ("held", "treated")
    assert held.shares == pytest.approx((0.05, 0.95))
    assert found.reported("pay") is found.trial("pay")
    for name in ("holdout:global", "holdout:rage"):
        with pytest.raises(ExperimentError, match="known are pay"):
            found.trial(name)  # it is dealt otherwise than an experiment
    with pytest.raises(ExperimentError, match="holdout:global: metrics: expected one of role"):
        document({"global": {"share": 0.05, "plan": plan}})
    with pytest.raises(ExperimentError, match="holdout:global: metrics are compared by a plan"):
        document({"global": {"share": 0.05, "metrics": metrics}})


def test_the_documents_example_is_one():
    (example,) = fenced(ROOT / "docs" / "experiments.md", "json")
    found = parse_experiments("docs", example.encode())
    assert found.trial("pay_help").names == ("control", "chat", "offer")
    jsonschema.validate(json.loads(example), json.loads(experiments_schema()))


def test_the_schema_is_the_committed_one_and_takes_what_is_taken():
    assert PATH.read_text() == experiments_schema(), "run `make docs`"
    schema = json.loads(experiments_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    whole = body(
        {"global": {"share": 0.05}, "rules": {"rage": {"share": 0.1, "unit": "session"}}},
        pay=experiment(metrics=[PRIMARY, RATIO], traffic=0.5, unit="company"),
    )
    jsonschema.validate(json.loads(whole), schema)
    parse_experiments("tenant@1", whole)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"experiments": {"pay": experiment(sate="running")}}, schema)
