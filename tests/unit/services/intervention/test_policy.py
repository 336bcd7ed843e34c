"""The policy document: what it accepts, what it chooses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

from services.intervention.policy import (
    Policy,
    PolicyError,
    Rule,
    Value,
    builtin_policy,
    parse_policy,
)


def emotion(
    kind: emotion_pb2.EmotionKind.ValueType = emotion_pb2.EMOTION_KIND_RAGE,
    confidence: int = 80,
    page: str = "/pricing",
    element: str = "button#more",
) -> emotion_pb2.Emotion:
    return emotion_pb2.Emotion(
        kind=kind,
        confidence=confidence,
        context=emotion_pb2.EmotionContext(page=page, element=element),
    )


def rule_of(policy: Policy, felt: emotion_pb2.Emotion) -> Rule:
    rule = policy.choose(felt)
    assert isinstance(rule, Rule)
    return rule


def template(page: str, element: str) -> str | None:
    policy = builtin_policy()
    felt = emotion(page=page, element=element)
    found = rule_of(policy, felt).page
    assert found is not None
    return policy.template_for(found, felt.context)


def test_rage_from_50_on_is_helped() -> None:
    assert rule_of(builtin_policy(), emotion(confidence=50)).name == "rage_help"
    assert builtin_policy().choose(emotion(confidence=49)) == "below_confidence"


def test_other_emotions_have_no_rule_yet() -> None:
    for kind in (
        emotion_pb2.EMOTION_KIND_HESITATION,
        emotion_pb2.EMOTION_KIND_CONFUSION,
        emotion_pb2.EMOTION_KIND_ABANDONMENT,
        emotion_pb2.EMOTION_KIND_UNSPECIFIED,
    ):
        assert builtin_policy().choose(emotion(kind=kind)) == "no_rule"


@pytest.mark.parametrize(
    ("page", "element", "expected"),
    [
        ("/checkout", "button#pay-now", "payment_help@1"),
        ("/cart", "button", "payment_help@1"),
        ("/x", "button#payNow", "payment_help@1"),
        ("/account/billing", "a", "payment_help@1"),
        ("/x", "div.credit-card", "payment_help@1"),
        ("/display", "button#company", "help@1"),
        ("/", "", "help@1"),
        ("/blog/cardigans", "img", "help@1"),
    ],
)
def test_template_fits_the_place(page: str, element: str, expected: str) -> None:
    assert template(page, element) == expected


@pytest.mark.parametrize(
    ("currency", "minor", "assurance", "holds"),
    [
        ("USD", 10_000_000, identity_pb2.ASSURANCE_VERIFIED, True),
        ("EUR", 10_000_000, identity_pb2.ASSURANCE_VERIFIED, True),
        ("USD", 9_999_999, identity_pb2.ASSURANCE_VERIFIED, False),
        ("USD", 10_000_000, identity_pb2.ASSURANCE_CLAIMED, False),
        ("USD", 10_000_000, identity_pb2.ASSURANCE_INFERRED, False),
        ("JPY", 10_000_000, identity_pb2.ASSURANCE_VERIFIED, False),
        ("", 10_000_000, identity_pb2.ASSURANCE_VERIFIED, False),
    ],
)
def test_value_needs_amount_currency_and_assurance(
    currency: str, minor: int, assurance: identity_pb2.Assurance.ValueType, holds: bool
) -> None:
    team = rule_of(builtin_policy(), emotion()).team
    assert team is not None
    assert team.value is not None
    identity = identity_pb2.UserIdentity(
        ltv=identity_pb2.Money(currency=currency, minor=minor), assurance=assurance
    )
    assert team.value.holds(identity) is holds


def test_unknown_value_never_holds() -> None:
    identity = identity_pb2.UserIdentity(assurance=identity_pb2.ASSURANCE_VERIFIED)
    assert not Value(at_least={"USD": 0}).holds(identity)


def document(**changes: Any) -> bytes:
    rule: dict[str, Any] = {
        "name": "r",
        "when": {"emotion": "rage"},
        "page": {"templates": [{"template": "help@1"}]},
    }
    rule.update(changes)
    return json.dumps({"rules": [rule]}).encode()


def test_smallest_document_is_good() -> None:
    assert parse_policy("tenant@1", document()).rules[0].when.min_confidence == 50
    assert parse_policy("tenant@1", b'{"rules": []}').choose(emotion()) == "no_rule"


def test_tenant_may_bring_templates() -> None:
    body = json.loads(document(page={"templates": [{"template": "ours@2"}]}))
    body["templates"] = {"ours@2": {"type": "chat", "title": "Hello", "body": ""}}
    policy = parse_policy("tenant@1", json.dumps(body).encode())
    assert json.loads(policy.templates["ours@2"].payload_json()) == {
        "title": "Hello",
        "body": "",
        "actions": [],
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "truncated"),
        (b"rules:\n- name: r", "malformed"),
        (b"[]", "object"),
        (b"{}", "rules"),
        (b'{"rules": [], "extra": 1}', "extra"),
        (b'{"rules": [{"name": "r"}]}', "when"),
        (document(name="No Spaces"), "name"),
        (document(when={"emotion": "joy"}), "emotion"),
        (document(when={"emotion": "rage", "min_confidence": 101}), "min_confidence"),
        (document(page={"templates": []}), "templates"),
        (document(page={"templates": [{"template": "nope@1"}]}), "nope@1"),
        (document(team={"to": ["everybody"]}), "to"),
        (document(team={"to": ["owner"], "due_s": 1}), "due_s"),
        (
            document(
                page={
                    "templates": [{"template": "help@1"}],
                    "value": {"at_least": {"USD": 1}, "assurance": "claimed"},
                }
            ),
            "never buys an offer",
        ),
        (b'{"rules":' + b"[" * 100_000, "object"),
        (b"\xff\xfe", "malformed"),
    ],
)
def test_bad_document_says_where(body: bytes, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy("tenant@3", body)
    assert says in str(caught.value) or "malformed" in str(caught.value)
    assert str(caught.value).startswith("policy tenant@3")


def test_two_rules_of_a_name_are_refused() -> None:
    rule = json.loads(document())["rules"][0]
    with pytest.raises(PolicyError, match="rename one"):
        parse_policy("tenant@1", json.dumps({"rules": [rule, rule]}).encode())


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example", "http://x", "data:,"])
def test_template_links_only_to_safe_places(url: str) -> None:
    body = json.loads(document())
    action = {"id": "a", "label": "Go", "url": url}
    body["templates"] = {"x@1": {"type": "chat", "title": "T", "body": "", "actions": [action]}}
    with pytest.raises(PolicyError, match="url"):
        parse_policy("tenant@1", json.dumps(body).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_a_policy_error(body: bytes) -> None:
    try:
        parse_policy("tenant@1", body)
    except PolicyError:
        return
