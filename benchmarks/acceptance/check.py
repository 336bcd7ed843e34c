"""One thing asked, what was measured of it, and whether it was kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """A row of a scenario's table."""

    what: str
    asked: str
    """The bound in words; empty where a figure is only told."""
    measured: str
    value: float | None
    kept: bool | None
    """None: there is no bound, or too little was seen to judge."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a scenario."""

    load: str
    """Under what load, in words."""
    checks: list[Check]
    doubts: list[str]
    """Why the figures may not be worth quoting."""

    @property
    def kept(self) -> bool:
        """Whether everything that was judged was kept."""
        return all(check.kept is not False for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "kept": self.kept}


def at_most(what: str, value: float, bound: float, unit: str) -> Check:
    """A figure that must not be over a bound."""
    return Check(what, f"≤ {_said(bound)} {unit}", f"{_said(value)} {unit}", value, value <= bound)


def below(what: str, value: float, bound: float, unit: str) -> Check:
    """A figure that must stay below a bound."""
    return Check(what, f"< {_said(bound)} {unit}", f"{_said(value)} {unit}", value, value < bound)


def at_least(what: str, value: float, bound: float, unit: str) -> Check:
    """A figure that must reach a bound."""
    return Check(what, f"≥ {_said(bound)} {unit}", f"{_said(value)} {unit}", value, value >= bound)


def all_of(what: str, count: int, of: int) -> Check:
    """Something that must have happened to each."""
    return Check(what, f"all {of:,}", f"{count:,}", count, count == of)


def none(what: str, count: int | None) -> Check:
    """Something that must not have happened once. None: nobody looked."""
    if count is None:
        return Check(what, "0", "not looked for", None, None)
    return Check(what, "0", f"{count:,}", count, count == 0)


def told(what: str, value: float, unit: str) -> Check:
    """A figure without a bound."""
    return Check(what, "", f"{_said(value)} {unit}", value, None)


def unjudged(check: Check, why: str) -> Check:
    """The same figure, where too little was seen to judge it."""
    return Check(check.what, check.asked, f"{check.measured} ({why})", check.value, None)


def _said(value: float) -> str:
    if value == round(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}"
