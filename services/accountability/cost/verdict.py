"""What is told: a figure with its method, interval and sizes, or that there is none and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.accountability.cost.estimate import Estimate
from services.accountability.cost.units import Bools, Floats


class Method(StrEnum):
    """How a figure came about."""

    RANDOMISED = "randomised"
    DOUBLY_ROBUST = "doubly_robust"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at before a figure was told."""

    name: str
    value: float
    limit: float
    passed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of the comparison."""

    units: int
    happened: int


@dataclass(frozen=True, slots=True)
class MoneyVerdict:
    """The cost in one currency; without `each` there is none to tell."""

    currency: str
    method: Method
    helped_units: int
    ignored_units: int
    each: Estimate | None = None
    """Of leaving one unit alone, in minor units."""
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def total(self) -> tuple[float, float, float]:
        """For all that were left alone: figure, low, high. The effect is a mean over them."""
        each, count = self.each, self.ignored_units
        if each is None:
            return 0.0, 0.0, 0.0
        return each.value * count, each.low * count, each.high * count


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer. Figures are of the units in `counted`, of the sample that `method` names."""

    method: Method
    level: float
    helped: Arm
    ignored: Arm
    effect: Estimate | None = None
    """Share of units more that went well for being helped."""
    money: tuple[MoneyVerdict, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    e_value: float = 0.0
    counted: Bools | None = None
    """Of the sample's units, those that the figures are made of; None: there are no figures."""
    chance: Floats | None = None
    """Each unit's chance of being helped, where it was estimated."""
