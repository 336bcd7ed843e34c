"""What units did, as columns: a row a unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.intervention.experiments.checks import Trial
from services.intervention.experiments.statistics.moments import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Observed:
    """Units in the order of their first exposure."""

    arm: Ints
    """Index into the trial's variants."""
    exposed_at_ms: Ints
    values: Mapping[str, Floats]
    """By observation: its sum after the exposure."""
    before: Mapping[str, Floats]
    """The same before the exposure; NaN: nothing is known of the unit's past."""
    shares: Floats
    """What each arm's chance was when the unit was drawn, a column an arm."""

    @property
    def units(self) -> int:
        """How many there are."""
        return int(self.arm.size)

    def first(self, count: int) -> Observed:
        """The units exposed first: what was there at an earlier look."""
        return self.where(np.arange(self.units) < count)

    def settled(self, now_ms: int, hours: int) -> Observed:
        """Those that have had so many hours."""
        return self.where(self.exposed_at_ms <= now_ms - hours * 3_600_000)

    def where(self, mask: Bools) -> Observed:
        """Some of the units."""
        return Observed(
            self.arm[mask],
            self.exposed_at_ms[mask],
            {name: values[mask] for name, values in self.values.items()},
            {name: values[mask] for name, values in self.before.items()},
            self.shares[mask],
        )

    def counts(self, arms: int) -> Floats:
        """Units by arm."""
        return np.bincount(self.arm, minlength=arms).astype(np.float64)


def in_order(
    trial: Trial,
    arm: Ints,
    exposed_at_ms: Ints,
    values: Mapping[str, Floats],
    before: Mapping[str, Floats],
    shares: Floats | None = None,
) -> Observed:
    """Observed, from rows in any order; without shares they were the document's weights."""
    order = np.argsort(exposed_at_ms, kind="stable")
    dealt = np.tile(np.array(trial.shares), (arm.size, 1)) if shares is None else shares
    return Observed(
        arm[order],
        exposed_at_ms[order],
        {name: column[order] for name, column in values.items()},
        {name: column[order] for name, column in before.items()},
        dealt[order],
    )
