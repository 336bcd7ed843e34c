"""A verdict in plain words."""

from __future__ import annotations

from services.accountability.cost.verdict import Method, MoneyVerdict, Verdict
from services.accountability.outcomes.document import Kind
from services.common.currencies import DIGITS

_METHODS = {
    Method.RANDOMISED: "chance decided who was left alone",
    Method.DOUBLY_ROBUST: "adjusted for what is known, not randomised",
}


def summary(verdict: Verdict, outcome: str, kind: Kind) -> str:
    """A sentence or two: what it cost, how sure that is, and how it is known."""
    if verdict.effect is None:
        missing = "; ".join(verdict.missing)
        return f"Cannot tell yet what leaving them alone cost. Missing: {missing}."
    effect = verdict.effect
    value, low, high = effect.value, effect.low, effect.high
    more = kind.wished
    if value < 0:
        value, low, high, more = -value, -high, -low, not more
    told = [
        f"Of 100 who were left alone, {100 * value:.1f} {'more' if more else 'fewer'}"
        f" would have had the outcome {outcome}, had they been helped (between"
        f" {100 * low:.1f} and {100 * high:.1f})"
    ]
    told += [_money(one) for one in verdict.money if one.each is not None]
    if effect.low <= 0 <= effect.high:
        told.append("No effect at all goes with these figures too")
    sizes = f"{verdict.ignored.units:,} left alone, {verdict.helped.units:,} helped"
    return f"{'. '.join(told)}. {verdict.level:.0%} intervals; {_METHODS[verdict.method]}: {sizes}."


def _money(one: MoneyVerdict) -> str:
    value, low, high = one.total
    gained = ""
    if value < 0:
        value, low, high, gained = -value, -high, -low, " gained by leaving them alone"
    between = f"between {_number(one.currency, low)} and {_number(one.currency, high)}"
    total = f"{amount(one.currency, value)}{gained} ({between})"
    return f"For the {one.ignored_units:,} left alone that is {total}"


def amount(currency: str, minor: float) -> str:
    """ "EUR 1,234.50", of minor units."""
    return f"{currency} {_number(currency, minor)}"


def _number(currency: str, minor: float) -> str:
    digits = DIGITS.get(currency, 2)
    return f"{minor / 10**digits:,.{digits}f}"
