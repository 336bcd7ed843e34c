"""The units that are compared, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Units:
    """One entry each a unit: a person, a company or a visit, at its first decision."""

    helped: Bools
    """Helped, or dealt to those who are helped; the others were left alone."""
    happened: Bools
    """The outcome itself, whether it is wished for or not."""
    kept: Floats
    """1 where it went well: a wished outcome happened, an unwished one did not; else 0."""
    share: Floats
    """Chance with which a holdout lets the unit be helped; NaN where no holdout dealt."""
    cluster: Ints
    """Whatever depends on each other has one number: visits of one person, say."""
    before: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    """Numbers known before the decision."""
    groups: Mapping[str, Ints] = field(default_factory=dict[str, Ints])
    """Words known before the decision (page, rule), numbered from 0."""
    earlier: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    """What happened so long before that help cannot have changed it; never adjusted for."""

    @property
    def count(self) -> int:
        """How many units there are."""
        return int(self.helped.size)

    def where(self, mask: Bools) -> Units:
        """Some of them."""
        return replace(
            self,
            helped=self.helped[mask],
            happened=self.happened[mask],
            kept=self.kept[mask],
            share=self.share[mask],
            cluster=self.cluster[mask],
            before={name: column[mask] for name, column in self.before.items()},
            groups={name: column[mask] for name, column in self.groups.items()},
            earlier={name: column[mask] for name, column in self.earlier.items()},
        )


def cluster_sums(values: Floats, cluster: Ints) -> Floats:
    """The sum of each cluster, in order of its first number; whoever is alone is a cluster."""
    _, place = np.unique(cluster, return_inverse=True)
    return np.bincount(place, weights=values).astype(np.float64)


def cluster_count(cluster: Ints) -> int:
    """How many clusters there are."""
    return int(np.unique(cluster).size)
