"""What an opened identify states."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.identity.model import Facts, Tier
from services.identity.money import Money
from services.identity.statement import (
    Statement,
    StatementError,
    claimed_facts,
    read_statement,
    verified_facts,
)


def _claimed(**content: Any) -> tuple[Facts, list[str]]:
    return claimed_facts(read_statement(json.dumps(content).encode()))


def test_all_fields_are_optional() -> None:
    assert read_statement(b"{}") == Statement()
    assert read_statement(b'{"user_id":null,"traits":null,"more":1}') == Statement()


@pytest.mark.parametrize(
    ("plaintext", "fault"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "JSON object"),
        (b'"x"', "JSON object"),
        (b'{"user_id":7}', "user_id: expected a string"),
        (b'{"email":["a@b.example"]}', "email: expected a string"),
        (b'{"token":{}}', "token: expected a string"),
        (b'{"traits":"vip"}', "traits: expected an object"),
    ],
)
def test_bad_plaintext_is_refused(plaintext: bytes, fault: str) -> None:
    with pytest.raises(StatementError, match=fault):
        read_statement(plaintext)


def test_claim_is_read() -> None:
    facts, unusable = _claimed(
        user_id=" u1 ",
        email="jane@acme.example",
        traits={"name": "Jane", "company": "Acme.example", "company_name": "Acme", "ltv": "99.5"},
    )
    assert unusable == []
    assert facts == Facts(
        user_id="u1",
        email="jane@acme.example",
        name="Jane",
        company="acme.example",
        company_name="Acme",
        ltv=Money("USD", 9_950),
    )


def test_company_that_is_no_domain_is_a_name() -> None:
    assert _claimed(traits={"company": "Acme Inc."}) == (Facts(company_name="Acme Inc."), [])
    assert _claimed(traits={"company": "Node.js"}) == (Facts(company_name="Node.js"), [])


def test_tier_is_read_from_plan_and_tier() -> None:
    assert _claimed(traits={"plan": "Growth"})[0].tier is Tier.GROWTH
    assert _claimed(traits={"plan": "growth", "tier": "enterprise"})[0].tier is Tier.ENTERPRISE
    assert _claimed(traits={"plan": "platinum"}) == (Facts(plan="platinum"), [])


def test_unusable_fields_are_named_and_dropped() -> None:
    facts, unusable = _claimed(
        user_id="u\x00",
        email="jane",
        traits={"ltv": -1, "name": 7, "company": ["x"], "company_name": "\ud800"},
    )
    assert facts == Facts()
    assert unusable == ["user_id", "email", "name", "company", "company_name", "ltv"]


def test_traits_cannot_name_the_user() -> None:
    assert _claimed(traits={"user_id": "u2"}) == (Facts(), [])


def test_traits_may_hold_the_email() -> None:
    assert _claimed(traits={"email": "jane@acme.example"})[0].email == "jane@acme.example"


def test_token_claims_go_before_its_traits() -> None:
    claims = {"sub": "u1", "ltv": 100, "traits": {"ltv": 5, "company": "acme.example"}}
    facts, _ = verified_facts(claims)
    assert facts == Facts(user_id="u1", company="acme.example", ltv=Money("USD", 10_000))


def test_token_traits_of_another_type_are_ignored() -> None:
    assert verified_facts({"sub": "u1", "traits": [1]}) == (Facts(user_id="u1"), [])
