"""The same load with and without a trouble maker, turn about, and what the others feel of it.

Turn about, since a machine is not the same from one minute to the next; the rounds of each side are
pooled. How far rounds of the same side lie apart says what a change is worth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks.acceptance.check import Check, at_most, told
from cli.quantiles import summary

if TYPE_CHECKING:
    from benchmarks.acceptance.meshes import Ran

MOST_PERCENT: Final = 10.0


@dataclass(slots=True)
class Side:
    """The rounds of one side."""

    rounds: list[Ran] = field(default_factory=list["Ran"])

    def ack_p99(self) -> float:
        """Of all rounds together, ms."""
        return summary([ms for ran in self.rounds for ms in ran.acks_ms])["p99"]

    def detect_p99(self) -> float:
        """Of the witnesses of all rounds together, ms."""
        return summary([ms for ran in self.rounds for ms in ran.detects_ms])["p99"]

    def spread_percent(self) -> float:
        """How far the ack p99 of its rounds lie apart, of their mean."""
        each = [summary(ran.acks_ms)["p99"] for ran in self.rounds]
        return 100 * (max(each) - min(each)) / (sum(each) / len(each))

    def closed(self) -> int:
        """Connections that ended before their run did."""
        return sum(sum(ran.figures.closed.values()) for ran in self.rounds)


def lost(*sides: Side) -> int | None:
    """Acknowledged and not in the log, or missed by a witness; None: in a round nobody looked."""
    each = [ran.figures.lost for side in sides for ran in side.rounds]
    found = [count for count in each if count is not None]
    return sum(found) if len(found) == len(each) else None


def compared(calm: Side, troubled: Side) -> list[Check]:
    """What the others feel."""
    return [
        at_most("others' ack p99, change", _change(calm.ack_p99(), troubled.ack_p99()),
                MOST_PERCENT, "%"),
        told("… without", calm.ack_p99(), "ms"),
        told("… with", troubled.ack_p99(), "ms"),
        told("… between rounds without", calm.spread_percent(), "%"),
        told("witnesses' detection p99, change",
             _change(calm.detect_p99(), troubled.detect_p99()), "%"),
    ]  # fmt: skip


def _change(before: float, after: float) -> float:
    return 100 * (after - before) / before if before else 0.0
