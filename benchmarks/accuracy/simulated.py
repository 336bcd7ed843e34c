"""Against the known truth of simulated visits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click
import msgspec

from benchmarks.accuracy.verdicts import run
from benchmarks.baselines import RULES, presses_of
from benchmarks.statistics import f1, f1_interval
from benchmarks.visitors import EMOTIONS, generate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.visitors import Visit

BINS: Final = 10


def ece(confidences: Sequence[int], true: Sequence[bool]) -> float:
    """Return the expected calibration error: how far confidences are from shares, on average.

    Ten bins of equal width; each weighs as many sessions as it holds.
    """
    bins: dict[int, list[tuple[float, bool]]] = {}
    for confidence, felt in zip(confidences, true, strict=True):
        place = min(confidence * BINS // 100, BINS - 1)
        bins.setdefault(place, []).append((confidence / 100, felt))
    off = sum(abs(sum(c for c, _ in found) - sum(f for _, f in found)) for found in bins.values())
    return round(off / max(len(confidences), 1), 4)


class Simulated:
    """Visits of one seed, what the detector said of them, and what other rules did."""

    def __init__(self, seed: int, count: int) -> None:
        self.truth: dict[str, dict[str, bool]] = {}
        self.fired: dict[str, dict[str, bool]] = {name: {} for name in RULES}
        self.verdicts = run(self._lines(seed, count), "simulated")

    def _lines(self, seed: int, count: int) -> Iterator[bytes]:
        encode = msgspec.json.encode
        with click.progressbar(
            generate(seed, count), length=count, label="simulated visits", file=sys.stderr
        ) as visits:
            for visit in visits:
                self._note(visit)
                yield from map(encode, visit.lines)

    def _note(self, visit: Visit) -> None:
        self.truth[visit.session] = {e: visit.truth[e] is not None for e in EMOTIONS}
        presses = presses_of(visit.lines)
        for name, rule in RULES.items():
            self.fired[name][visit.session] = bool(rule(presses))

    def emotions(self) -> dict[str, dict[str, object]]:
        """Return precision, recall, F1 and calibration of each emotion, by session."""
        found: dict[str, dict[str, object]] = {}
        for emotion in EMOTIONS:
            true = [felt[emotion] for felt in self.truth.values()]
            said = [self.verdicts[session] for session in self.truth]
            fired = [verdict.count(emotion) > 0 for verdict in said]
            sure = [verdict.confidence(emotion) for verdict in said]
            alarmed = [i for i, alarm in enumerate(fired) if alarm]
            found[emotion] = {
                **f1(fired, true),
                "f1_interval": f1_interval(fired, true),
                "ece": ece(sure, true),
                "ece_alarms": ece([sure[i] for i in alarmed], [true[i] for i in alarmed]),
                "felt": sum(true),
                "alarms": sum(fired),
            }
        return found

    def rules(self) -> dict[str, dict[str, float]]:
        """Return precision, recall and F1 of other rage rules."""
        true = [felt["rage"] for felt in self.truth.values()]
        return {name: f1(list(fired.values()), true) for name, fired in self.fired.items()}
