"""Documents of format 1 still mean what they meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.intervention.policy import PolicyError, Recipient, parse_policy
from tests.unit.services.intervention.policy.cases import NOW_MS, SECOND, Bench, refused

TEAM = {"owner\nrole:ceo": Recipient("p-ceo", ("sms",))}
PAGE: dict[str, Any] = {
    "priority": "high",
    "templates": [
        {"template": "payment_help@1", "words": ["checkout", "pay"]},
        {"template": "help@1"},
    ],
}
TEAM_PART: dict[str, Any] = {
    "value": {"at_least": {"USD": 10_000_000, "JPY": 500}},
    "to": ["owner", "role:ceo"],
    "due_s": 900,
}


def document(**changes: Any) -> bytes:
    rule: dict[str, Any] = {"name": "r", "when": {"emotion": "rage"}, "page": PAGE}
    rule.update(changes)
    return json.dumps({"rules": [rule]}).encode()


def test_smallest_document_is_good() -> None:
    bench = Bench(parse_policy("tenant@1", document()))
    assert bench.judge(confidence=49).reason == "below_confidence"
    assert bench.judge(emotion="confusion").reason == "no_rule"
    assert bench.template(confidence=50) == "help@1"
    empty = Bench(parse_policy("tenant@1", b'{"rules": []}'))
    assert empty.judge().reason == "no_rule"


def test_words_choose_the_template() -> None:
    policy = parse_policy("tenant@1", document())
    assert Bench(policy).template(page="/checkout") == "payment_help@1"
    assert Bench(policy).template(element="button#payNow") == "payment_help@1"
    assert Bench(policy).template(page="/display") == "help@1"


@pytest.mark.parametrize(
    ("currency", "value", "assurance", "holds"),
    [
        ("USD", 10_000_000, 3, True),
        ("USD", 9_999_999, 3, False),
        ("USD", 10_000_000, 2, False),
        ("JPY", 500, 3, True),
        ("EUR", 10_000_000, 3, False),
        ("", 0, 3, False),
    ],
)
def test_team_hears_by_the_best_estimate(
    currency: str, value: int, assurance: int, holds: bool
) -> None:
    bench = Bench(parse_policy("tenant@1", document(team=TEAM_PART)))
    verdict = bench.judge(
        currency=currency, value=value, value_low=1, assurance=assurance, recipients=TEAM
    )
    assert (verdict.team is not None) is holds


def test_limits_are_cooldowns_and_nothing_else() -> None:
    body = json.loads(document(team=TEAM_PART))
    body["limits"] = {"page_cooldown_s": 5, "team_cooldown_s": 50, "stale_after_s": 2}
    bench = Bench(parse_policy("tenant@1", json.dumps(body).encode()))
    rich: dict[str, Any] = {
        "currency": "USD", "value": 10_000_000, "assurance": 3, "recipients": TEAM,
        "dismissals": ((NOW_MS, "support"),),
    }  # fmt: skip
    assert bench.judge(**rich).acts
    later = bench.judge(**rich, now_ms=NOW_MS + 5 * SECOND)
    assert refused(later)["page_2:page"] == ""
    assert refused(later)["team:team"] == "cooldown:team"
    stale = bench.judge(now_ms=NOW_MS + 60 * SECOND, age_ms=2_001)
    assert stale.reason == "stale"


def test_tenant_may_bring_templates() -> None:
    body = json.loads(document(page={"templates": [{"template": "ours@2"}]}))
    body["templates"] = {"ours@2": {"type": "chat", "title": "Hello", "body": ""}}
    policy = parse_policy("tenant@1", json.dumps(body).encode())
    assert json.loads(policy.templates["ours@2"].payload_json({})) == {
        "title": "Hello",
        "body": "",
        "actions": [],
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"rules": [], "extra": 1}', "extra"),
        (b'{"rules": [{"name": "r"}]}', "when"),
        (document(name="No Spaces"), "rules[0].name"),
        (document(when={"emotion": "joy"}), "rules[0].when.emotion"),
        (document(when={"emotion": "rage", "min_confidence": 101}), "min_confidence"),
        (document(page={"templates": []}), "templates"),
        (document(page={"templates": [{"template": "nope@1"}]}), "nope@1"),
        (document(team={"to": ["everybody"]}), "to"),
        (document(team={"to": ["owner"], "due_s": 1}), "due_s"),
        (
            document(page={**PAGE, "value": {"at_least": {"USD": 1}, "assurance": "claimed"}}),
            "never buys an offer",
        ),
    ],
)
def test_bad_document_says_where(body: bytes, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy("tenant@3", body)
    assert says in str(caught.value)
    assert str(caught.value).startswith("policy tenant@3: ")
