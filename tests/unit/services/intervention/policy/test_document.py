"""The document: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.intervention.policy import PolicyError, builtin_body, builtin_policy, parse_policy
from services.intervention.policy.schema import policy_schema
from tests.unit.services.intervention.policy.cases import (
    ALERT,
    HELP,
    OFFER,
    Bench,
    document,
    rule,
)

SCHEMA = Path("services/intervention/policy/policy.schema.json")


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
def test_builtin_template_fits_the_place(page: str, element: str, expected: str) -> None:
    assert Bench(builtin_policy()).template(page=page, element=element) == expected


def test_builtin_helps_rage_from_50_on_and_leaves_the_rest() -> None:
    bench = Bench(builtin_policy())
    assert bench.judge(confidence=50).rule == "rage_help"
    assert bench.judge(confidence=49).reason == "below_confidence"
    for emotion in ("hesitation", "confusion", "abandonment", ""):
        assert bench.judge(emotion=emotion).reason == "no_rule"


def test_yaml_and_json_are_one_document() -> None:
    written = yaml.safe_load(builtin_body())
    as_json = parse_policy("a", json.dumps(written).encode())
    assert [node.name for node in as_json.rules()] == ["rage_help"]
    # Clock times and words like `on` are text in YAML too, amounts are exact.
    body = b"""
policy: 2
rules:
  - name: r
    when:
      words: [on, no, "yes"]
      local_time: {of: visitor, from: 22:00, to: 07:00}
    do: [{name: offer, type: discount, template: offer@1, budget: {name: b, cost: {USD: 9.99}}}]
guards:
  budgets: {b: {most: {USD: 0.10}, each: ever}}
"""
    policy = parse_policy("a", body)
    assert [part.costs for part in policy.nodes[0].parts or ()] == [{"USD": 999}]
    assert policy.guards.limits == {"b": {"USD": 10}}


def test_schema_in_the_repository_is_that_of_the_types() -> None:
    assert SCHEMA.read_text() == policy_schema(), "run: make docs"


def test_schema_accepts_what_the_types_accept() -> None:
    schema = json.loads(policy_schema())
    validator = jsonschema.Draft202012Validator(schema)
    for good in (yaml.safe_load(builtin_body()), document(rule("r", HELP, OFFER, ALERT))):
        validator.validate(good)
    assert not validator.is_valid(document(rule("r", {**HELP, "type": "song"})))
    assert not validator.is_valid({**document(), "extra": 1})


def test_a_leaf_may_do_nothing_on_purpose() -> None:
    body = msgspec.json.encode(document({"name": "calm", "do": []}))
    verdict = Bench(parse_policy("a", body)).judge()
    assert (verdict.reason, verdict.rule, verdict.acts) == ("nothing", "calm", False)


def test_what_is_off_does_not_decide() -> None:
    inner: dict[str, Any] = {"name": "inner", "off": True, "do": [OFFER]}
    tree: dict[str, Any] = {"name": "tree", "rules": [inner, rule("last")]}
    body = msgspec.json.encode(document({**rule("first"), "off": True}, tree))
    assert Bench(parse_policy("a", body)).judge().rule == "last"


def claimed(action: dict[str, Any], **when: Any) -> dict[str, Any]:
    return document(rule("r", action, **when))


CAP: dict[str, Any] = {"name": "c", "per": "session", "most": 1, "within_s": 1}
VALUE: dict[str, Any] = {"at_least": {"USD": 1}, "assurance": "claimed"}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({}, "rules"),
        ([], "policy: 2"),
        ({**document(), "policy": 3}, "policy: this version reads format 2"),
        ({**document(), "zone": "Mars/Base"}, "zone: 'Mars/Base'"),
        ({**document(), "zone": "/etc/passwd"}, "zone"),
        (document(rule("r"), rule("r")), "rules[1].name: two rules are named 'r'"),
        (document({"name": "r"}), "rules[0]: a rule has either"),
        (document({"name": "r", "do": [], "rules": [rule("s")]}), "rules[0]: a rule has either"),
        (document(rule("r", {**HELP, "template": "nope@1"})), "rules[0].do[0].template"),
        (document(rule("r", {**HELP, "type": "chat"})), "rules[0].do[0].type"),
        (document(rule("r", {**HELP, "target": "team"})), "rules[0].do[0].target"),
        (document(rule("r", {**ALERT, "to": []})), "rules[0].do[0].to"),
        (document(rule("r", {**HELP, "to": ["owner"]})), "rules[0].do[0].to"),
        (document(rule("r", HELP, HELP)), "rules[0].do[1].name"),
        (document(rule("r", confidence={"at_least": 9, "at_most": 8})), "rules[0].when.confidence"),
        (document(rule("r", confidence="high")), "rules[0].when.confidence"),
        (document(rule("r", value={"at_least": {"XXQ": 1}})), "rules[0].when.value.at_least"),
        (document(rule("r", value={"at_least": {"USD": "1.005"}})), "has 2 decimals"),
        (document(rule("r", value={"at_least": {"USD": -1}})), "expected 0 to"),
        (document(rule("r", value={"at_least": {"USD": "NaN"}})), "expected 0 to"),
        (document(rule("r", value={})), "rules[0].when.value: give at_least or below"),
        (document(rule("r", {**OFFER, "budget": {"name": "b", "cost": {"USD": 1}}})), "budgets"),
        (claimed(HELP, value=VALUE), "never buys an offer"),
        (claimed({**HELP, "when": {"value": VALUE}}), "never buys an offer"),
        (claimed(HELP, any_of=[{"known": True}, {"value": VALUE}]), "never buys an offer"),
        (claimed(OFFER, none_of=[{"company": {"known": True}}]), "never buys an offer"),
        # Who has proven nothing is none of these.
        (claimed(OFFER, none_of=[{"tier": "starter"}]), "never buys an offer"),
        (claimed(OFFER, none_of=[{"any_of": [{"value": VALUE}]}]), "never buys an offer"),
        (claimed(HELP, tier={"one_of": ["growth"], "assurance": "claimed"}), "never buys"),
        (
            document(guards={"caps": [{**CAP, "channels": ["sms"]}]}),
            "guards.caps[0].channels",
        ),
        (
            document(guards={"caps": [CAP, CAP]}),
            "two of cap",
        ),
        (
            document(templates={"x@1": {"type": "chat", "title": "Hi {name}", "body": ""}}),
            "templates.x@1.title: {name} is not known here",
        ),
    ],
)  # fmt: skip
def test_bad_document_says_where_and_what_to_do(written: Any, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy("tenant@3", msgspec.json.encode(written))
    assert says in str(caught.value)
    assert str(caught.value).startswith("policy tenant@3: ")


def test_a_claimed_value_may_call_the_team() -> None:
    parse_policy("a", msgspec.json.encode(claimed(ALERT, value=VALUE)))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "expected an object"),
        (b"{", "malformed JSON"),
        (b"rules: [", "malformed YAML"),
        (b"\xff\xfe", "neither JSON nor YAML"),
        (b"a: &x [1]\nb: *x\n", "aliases"),
        (b"[" * 5_000, "malformed"),
        (b"- " * 5_000, "malformed"),
        (b"a: " + b"x" * 600_000, "larger than 256 KiB"),
        (b"!!python/object/apply:os.system ['true']", "malformed YAML"),
    ],
)
def test_what_is_no_document_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        parse_policy("tenant@1", body)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example", "http://x", "data:,"])
def test_template_links_only_to_safe_places(url: str) -> None:
    action = {"id": "a", "label": "Go", "url": url}
    template = {"type": "chat", "title": "T", "body": "", "actions": [action]}
    with pytest.raises(PolicyError, match="url"):
        parse_policy("a", msgspec.json.encode(document(templates={"x@1": template})))


@given(st.binary(max_size=200) | st.text(alphabet="policy: 2[]{},\n-&*!|>#'\"", max_size=80))
def test_any_bytes_are_a_policy_or_a_policy_error(body: bytes | str) -> None:
    try:
        parse_policy("tenant@1", body if isinstance(body, bytes) else body.encode())
    except PolicyError:
        return


def test_the_examples_of_the_documentation_are_good() -> None:
    written = Path("docs/policy.md").read_text()
    first, second = re.findall(r"```yaml\n(.*?)```", written, re.DOTALL)
    assert [node.name for node in parse_policy("doc", first.encode()).rules()] == [
        "buyers_in_trouble", "worth_an_offer", "others", "leave_alone",
    ]  # fmt: skip
    policy = parse_policy("doc", f"policy: 2\nrules: []\n{second}".encode())
    said = policy.templates["slow_page@1"].render({"presses": 1}, "page", "de")
    assert (said.title, [one.label for one in said.actions]) == ("Keine Antwort?", ["Ja", "Nein"])


def test_folding_ends_while_links_still_work() -> None:
    def body(fold_s: int) -> bytes:
        return json.dumps(document(rule("r", HELP), guards={"fold_s": fold_s})).encode()

    assert parse_policy("a", body(43_200)).guards.fold_ms == 43_200_000
    with pytest.raises(PolicyError, match=r"guards\.fold_s: Expected `int` <= 43200"):
        parse_policy("a", body(43_201))
