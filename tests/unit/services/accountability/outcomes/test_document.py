"""The tenant's mapping."""

from __future__ import annotations

import pytest

from services.accountability.outcomes.document import (
    DEFAULTS,
    MappingError,
    folded,
    parse_mapping,
)


def test_what_is_not_said_is_as_by_default() -> None:
    found = parse_mapping(b'{"outcomes": {"churn": {"track": ["Left Us"], "wished": false}}}')
    assert found["churn"].track == ("Left Us",)
    assert found["purchase"] == DEFAULTS["purchase"]
    assert parse_mapping(b"{}") == DEFAULTS


def test_names_are_compared_without_their_dress() -> None:
    assert folded("Order_Completed") == folded(" order-completed ") == "order completed"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"[]", "object"),
        (b'{"outcome": {}}', "outcome"),
        (b'{"outcomes": {"Purchase": {"track": ["a"]}}}', "small letters"),
        (b'{"outcomes": {"sale": {}}}', "outcomes.sale"),
        (b'{"outcomes": {"sale": {"track": ["a"], "window_days": 0}}}', "window_days"),
        (b'{"outcomes": {"sale": {"track": ["a"], "basis": "guess"}}}', "basis"),
        (b'{"outcomes": {"sale": {"transactions": ["refund"]}}}', "refund"),
    ],
)
def test_what_cannot_be_used_is_named(body: bytes, named: str) -> None:
    with pytest.raises(MappingError, match=named):
        parse_mapping(body)
