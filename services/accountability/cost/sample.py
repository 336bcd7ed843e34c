"""A set of units with the money that hangs on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.accountability.cost.units import Bools, Floats, Units, cluster_count
from services.accountability.cost.verdict import Arm

LEAST_UNITS = 100
"""On each side, clusters; as experiments demand."""
LEAST_EVENTS = 20
"""On each side, to whom it went well, and to whom it did not."""
_LARGE_PART = 0.25


@dataclass(frozen=True, slots=True)
class Money:
    """What each unit kept in one currency, in minor units, and of whom that is known."""

    kept: Floats
    known: Bools
    stake: Floats | None = None
    """What was at stake, known before: takes out most of the noise."""

    def where(self, mask: Bools) -> Money:
        """Of some units."""
        stake = None if self.stake is None else self.stake[mask]
        return Money(self.kept[mask], self.known[mask], stake)


@dataclass(frozen=True, slots=True)
class Sample:
    """Units, what to call one, and their money by currency."""

    units: Units
    money: Mapping[str, Money] = field(default_factory=dict[str, Money])
    unit: str = "person"

    def arms(self, counted: Bools | None = None) -> tuple[Arm, Arm]:
        """Helped, and left alone."""
        units = self.units if counted is None else self.units.where(counted)
        helped, ignored = (
            Arm(int(mask.sum()), int((units.happened & mask).sum()))
            for mask in (units.helped, ~units.helped)
        )
        return helped, ignored


def too_few(units: Units, values: Floats, what: str) -> tuple[str, ...]:
    """What is missing before any figure can be told; nothing if there are enough."""
    missing: list[str] = []
    for mask, side in ((units.helped, "helped"), (~units.helped, "left alone")):
        count = cluster_count(units.cluster[mask])
        if count < LEAST_UNITS:
            missing.append(f"{LEAST_UNITS - count:,} more who were {side} ({count:,} are there)")
            continue
        did = int(np.count_nonzero(values[mask]))
        if did < LEAST_EVENTS:
            missing.append(
                f"{LEAST_EVENTS - did} more who were {side} and {what} ({did} are there)"
            )
        if set(np.unique(values)) <= {0.0, 1.0} and mask.sum() - did < LEAST_EVENTS:
            missing.append(f"enough who were {side} and not {what}: nearly all did")
    return tuple(missing)


def one_rules(largest_share: float) -> tuple[str, ...]:
    """A warning where one unit decides how wide the interval is."""
    if largest_share < _LARGE_PART:
        return ()
    return (
        f"one of them makes up {100 * largest_share:.0f} % of the uncertainty: look at the largest"
        " rows before you rely on this",
    )
