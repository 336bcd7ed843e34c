"""What accountability takes from the log, and what it refuses."""

from __future__ import annotations

import pytest
from sentientiq.identity.v1.identity_service_pb2 import Money
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.accountability.decoding import MalformedMessage, decode_decision, decode_outcome
from services.accountability.facts import Fact, FactKind, OwnerTerms, Terms
from services.accountability.records import Key


def decision(**fields: object) -> bytes:
    return pb.Decision(
        **{
            "id": "d1",
            "tenant_id": "acme",
            "session_id": "s1",
            "company": "globex.example",
            "decided_at_ms": 1_000,
            "recommendation": pb.Recommendation(person_id="ceo", due_at_ms=5_000),
            **fields,
        }  # type: ignore[arg-type]
    ).SerializeToString()


def outcome(**fields: object) -> bytes:
    return pb.Outcome(
        **{
            "id": "o1",
            "tenant_id": "acme",
            "decision_id": "d1",
            "kind": pb.OUTCOME_KIND_ACTED,
            "occurred_at_ms": 2_000,
            **fields,
        }  # type: ignore[arg-type]
    ).SerializeToString()


def test_decision_that_asks_the_team() -> None:
    found = decode_decision(decision(value=Money(currency="USD", minor=10_000_000)))
    assert found is not None
    assert found.key == Key("acme", "d1")
    assert found.terms == Terms(1_000, 5_000, "ceo")
    assert found.value == ("USD", 10_000_000)


def test_unknown_value_is_not_zero() -> None:
    found = decode_decision(decision())
    assert found is not None
    assert found.value is None


def test_decision_that_asks_nothing() -> None:
    assert decode_decision(decision(recommendation=None)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"id": ""},
        {"tenant_id": "a\x00b"},
        {"decided_at_ms": 0},
        {"recommendation": pb.Recommendation(person_id="ceo")},
        {"recommendation": pb.Recommendation(due_at_ms=5_000)},
        {"recommendation": pb.Recommendation(person_id="ceo", due_at_ms=1 << 60)},
    ],
)
def test_decision_without_what_must_be_known(fields: dict[str, object]) -> None:
    with pytest.raises(MalformedMessage):
        decode_decision(decision(**fields))


def test_outcome_of_a_recommendation() -> None:
    found = decode_outcome(outcome())
    assert found is not None
    assert found.fact == Fact("o1", FactKind.ACTED, 2_000)


def test_a_hand_over_on_the_page_answers_nothing() -> None:
    given = decode_outcome(outcome(detail="hand_over"))
    taken = decode_outcome(outcome(kind=pb.OUTCOME_KIND_ESCALATED, detail="handed_over"))
    climbed = decode_outcome(outcome(kind=pb.OUTCOME_KIND_ESCALATED, detail="step 1"))
    kinds = [one.fact.kind for one in (given, taken, climbed) if one is not None]
    assert kinds == [FactKind.SEEN, FactKind.HANDED_OVER, FactKind.ESCALATED]


def test_what_an_outcome_says_is_taken_whole() -> None:
    terms = pb.RecommendationTerms(
        due_at_ms=9,
        team="sales",
        working=[pb.WorkingTime(from_ms=1, to_ms=2)],
        fair_ms=3,
        source="tenant@1",
    )
    fields = {"kind": pb.OUTCOME_KIND_TERMS_SET, "person_id": "ann", "terms": terms}
    found = decode_outcome(outcome(**fields, by_person_id="bob", note="n" * 2_000))
    assert found is not None
    assert found.fact.terms == OwnerTerms(9, 0, "sales", ((1, 2),), 3, "tenant@1")
    assert (found.fact.by_person_id, len(found.note)) == ("bob", 1_000)
    for wrong in (
        {"terms": pb.RecommendationTerms(due_at_ms=1 << 60)},
        {"terms": pb.RecommendationTerms(team="a\x00")},
        {"person_id": ""},
    ):
        with pytest.raises(MalformedMessage):
            decode_outcome(outcome(**{**fields, **wrong}))


@pytest.mark.parametrize(
    "fields",
    [{"kind": pb.OUTCOME_KIND_SHOWN}, {"kind": pb.OUTCOME_KIND_SENT}, {"decision_id": ""}],
)
def test_outcome_of_something_else(fields: dict[str, object]) -> None:
    assert decode_outcome(outcome(**fields)) is None


@pytest.mark.parametrize(
    "fields", [{"id": ""}, {"tenant_id": ""}, {"occurred_at_ms": -1}, {"decision_id": "\x00"}]
)
def test_outcome_without_what_must_be_known(fields: dict[str, object]) -> None:
    with pytest.raises(MalformedMessage):
        decode_outcome(outcome(**fields))
