"""A verdict in plain words: nothing below nothing."""

from __future__ import annotations

import pytest

from services.accountability.cost.estimate import Estimate
from services.accountability.cost.verdict import Arm, Method, MoneyVerdict, Verdict
from services.accountability.costing.words import summary
from services.accountability.outcomes.document import DEFAULTS


def _estimate(*figures: float) -> Estimate:
    low, value, high = sorted(figures)
    return Estimate(value, low, high, 1.0, 9.0, 0.1)


def _verdict(sign: int) -> Verdict:
    each = _estimate(sign * 100.0, sign * 200.0, sign * 300.0)
    money = MoneyVerdict("EUR", Method.RANDOMISED, 900, 10, each)
    effect = _estimate(sign * 0.01, sign * 0.03, sign * 0.05)
    return Verdict(Method.RANDOMISED, 0.95, Arm(9, 5), Arm(9, 4), effect, (money,))


@pytest.mark.parametrize(
    ("outcome", "sign", "effect", "money"),
    [
        ("purchase", 1, "3.0 more would", "that is EUR 20.00 (between 10.00 and 30.00)"),
        ("churn", 1, "3.0 fewer would", "that is EUR 20.00 (between 10.00 and 30.00)"),
        (
            "purchase",
            -1,
            "3.0 fewer would",
            "EUR 20.00 gained by leaving them alone (between 10.00",
        ),
        ("churn", -1, "3.0 more would", "EUR 20.00 gained by leaving them alone (between 10.00"),
    ],
)
def test_help_that_did_harm_is_said_to_have(
    outcome: str, sign: int, effect: str, money: str
) -> None:
    told = summary(_verdict(sign), outcome, DEFAULTS[outcome])
    assert effect in told
    assert "(between 1.0 and 5.0)" in told
    assert money in told
    assert "-" not in told
