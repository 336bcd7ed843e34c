"""A surge in a run, seen from the acks: what was taken, how fast, and when it was normal again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from benchmarks.mesh.run import Timeline

NORMAL_TIMES: Final = 2.0
LOOK_S: Final = 5.0
"""Normal again: from then on the p99 of so many seconds is at most so many times that before."""


@dataclass(frozen=True, slots=True)
class Surge:
    """A surge and what came after it."""

    goodput: float
    """Frames a second whose acks came while it lasted."""
    p50_ms: float
    p99_ms: float
    """Of the acks of frames that went out in it."""
    back_s: float
    """After its end, until it was normal again."""

    @classmethod
    def of(cls, timeline: Timeline, before_s: float, lasted_s: float) -> Surge:
        """Look at a run whose surge began so long after the measured time did."""
        acks, end_s = timeline.samples["ack"], before_s + lasted_s
        meant_s = acks[:, 0] / 1000 - timeline.start
        inside = acks[(meant_s >= before_s) & (meant_s < end_s), 1]
        p50, p99 = np.percentile(inside, [50, 99]) if len(inside) else (0.0, 0.0)
        before_ms = np.percentile(acks[meant_s < before_s, 1], 99)
        back_s = 0.0
        while back_s < meant_s.max() - end_s:
            soon = (meant_s >= end_s + back_s) & (meant_s < end_s + back_s + LOOK_S)
            if soon.any() and np.percentile(acks[soon, 1], 99) <= NORMAL_TIMES * before_ms:
                break
            back_s += 1.0
        return cls(
            goodput=acked_per_s(timeline, before_s, end_s),
            p50_ms=float(p50),
            p99_ms=float(p99),
            back_s=back_s,
        )


def acked_per_s(timeline: Timeline, from_s: float, to_s: float) -> float:
    """Frames a second whose ack came between two moments of the measured time."""
    acks = timeline.samples["ack"]
    came_s = acks.sum(axis=1) / 1000 - timeline.start
    return float(np.count_nonzero((came_s >= from_s) & (came_s < to_s)) / (to_s - from_s))
