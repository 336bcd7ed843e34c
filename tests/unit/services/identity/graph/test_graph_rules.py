"""What may join, as documents and lists say it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.identity.graph.blocked import is_blocked
from services.identity.graph.rules import NO_RULES, GraphError, parse_rules


@pytest.mark.parametrize(
    "value",
    [
        *("", "  ", "null", "NULL", "None", "undefined", "anonymous", "Anonymous", "guest", "n/a"),
        *("0", "00", "0000", "-1", "000-000", "xxxx", "1111", "[object Object]", "{{user_id}}"),
        *("00000000-0000-0000-0000-000000000000", "test@test.com", "not set", "-", "???"),
    ],
)
def test_values_that_name_nobody(value: str) -> None:
    assert is_blocked(value)


@pytest.mark.parametrize(
    "value",
    [
        *("1", "7", "42", "1000", "11", "u1", "x", "aa", "Null Smith", "nullius", "anna", "007"),
        *("jane@acme.example", "guest-house@acme.example", "6f1c9b9e-0000-0000-0000-000000000000"),
    ],
)
def test_values_that_may_be_somebody(value: str) -> None:
    assert not is_blocked(value)


def test_a_tenant_blocks_more() -> None:
    rules = parse_rules(b'{"blocked": ["Demo  User"]}')
    assert is_blocked("demo user", rules.blocked)
    assert not is_blocked("demo user")


def test_an_empty_document_is_the_default() -> None:
    assert parse_rules(b"{}") == NO_RULES


def test_a_document_says_what_joins() -> None:
    rules = parse_rules(b'{"window_days": 1, "ids": ["crm"], "most": {"email": 2}}')
    assert rules.window_ms == 86_400_000
    assert [rules.most_of(kind) for kind in ("visitor", "email", "id:crm")] == [100, 2, 5]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"window": 3}, "window"),
        ({"window_days": 400}, "window_days: expected 0 to 365, was 400"),
        ({"ids": ["a", "a"]}, "ids: expected at most 10, each once"),
        ({"ids": ["No"]}, "ids: expected lower-case"),
        ({"most": {"phone": 1}}, "most.phone: the keys are visitor, email, id"),
        ({"most": {"email": 0}}, "most.email: expected 1 to 100000, was 0"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(document: dict[str, Any], words: str) -> None:
    with pytest.raises(GraphError) as refusal:
        parse_rules(json.dumps(document).encode())
    assert words in str(refusal.value)
