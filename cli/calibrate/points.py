"""Calibration by points: what share of each score was right, as a line that never falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hotpath.calibration import DECISION, HIGHEST, MOST_POINTS, Calibration, Points

if TYPE_CHECKING:
    from collections.abc import Sequence

SPREAD: Final = 10
"""Below the decision, confidences rise by so much at least from the lowest score seen: scores that
never become a verdict are still compared with each other."""
_UNSEEN: Final = (45, 25, 10)
"""Tenths below the lowest label at which the present calibration goes on to speak."""


@dataclass(slots=True)
class _Block:
    """Neighbouring scores that are promised the same."""

    n: int
    total: float
    """Sum of the scores."""
    hits: int

    @property
    def share(self) -> float:
        """Share right, never certain: half a hit and half a miss beside what was seen."""
        return (self.hits + 0.5) / (self.n + 1)

    @property
    def score(self) -> int:
        return round(self.total / self.n)

    def add(self, other: _Block) -> None:
        self.n += other.n
        self.total += other.total
        self.hits += other.hits


def isotonic(scores: Sequence[int], right: Sequence[bool], most: int) -> list[tuple[int, float]]:
    """Return scores and the shares right around them, neither ever falling; `most` at most.

    Pool adjacent violators: neighbours are one block as long as the lower score was right more
    often. What is too many is joined where it changes least.
    """
    blocks: list[_Block] = []
    for score, hit in sorted(zip(scores, right, strict=True)):
        block = _Block(1, score, int(hit))
        if blocks and blocks[-1].total == blocks[-1].n * score:
            blocks[-1].add(block)
        else:
            blocks.append(block)
    pooled: list[_Block] = []
    for block in blocks:
        pooled.append(block)
        while len(pooled) > 1 and (
            pooled[-2].share >= pooled[-1].share or pooled[-2].score >= pooled[-1].score
        ):
            pooled[-2].add(pooled.pop())

    def price(place: int) -> float:
        a, b = pooled[place], pooled[place + 1]
        return a.n * b.n / (a.n + b.n) * (b.share - a.share) ** 2

    while len(pooled) > most:
        place = min(range(len(pooled) - 1), key=price)
        pooled[place].add(pooled.pop(place + 1))
    return [(block.score, block.share) for block in pooled]


def _line(points: Sequence[tuple[int, int]], source: str, n: int) -> Points:
    """Make points that rise: the first of equal scores stays, 50 is met once."""
    kept: list[tuple[int, int]] = []
    for score, confidence in sorted(points):
        if kept and score == kept[-1][0]:
            continue
        lowest = kept[-1][1] if kept else 0
        confidence = max(confidence, lowest + (lowest == DECISION))
        if len(kept) > 1 and kept[-2][1] == kept[-1][1] == confidence:
            kept.pop()
        kept.append((score, confidence))
    return Points(tuple(kept), source, n)


def about(
    scores: Sequence[int], right: Sequence[bool], source: str, *, decision: int = 0
) -> Points:
    """Fit points to scores on both sides of the decision, which stays where it is.

    Lower scores are promised less than 50, and spread out; the others 50 at least. What neither
    fits must be mended by the model's prior.

    Args:
        scores: tenths of log-odds.
        right: whether each was right.
        source: what the model is to name as its calibration.
        decision: the lowest score that makes a verdict.
    """
    points: list[tuple[int, int]] = []
    low = [(s, r) for s, r in zip(scores, right, strict=True) if s < decision]
    high = [(s, r) for s, r in zip(scores, right, strict=True) if s >= decision]
    lowest = min((s for s, _ in low), default=decision - 2)
    found = isotonic([s for s, _ in low], [r for _, r in low], MOST_POINTS // 2 - 2)
    points.append((lowest, 0))
    for score, share in [*found, (decision - 1, found[-1][1] if found else 0.0)]:
        spread = SPREAD * (score - lowest) // (decision - lowest)
        points.append((score, min(DECISION - 1, max(spread, int(100 * share)))))
    found = isotonic([s for s, _ in high], [r for _, r in high], MOST_POINTS // 2 - 1)
    found = found or [(decision + 10, DECISION / 100)]
    for score, share in [(decision, found[0][1]), *found]:
        points.append((score, max(DECISION, int(100 * share))))
    if points[-1][1] <= DECISION:
        points.append((HIGHEST, DECISION + 1))
    return _line(points, source, len(scores))


def labelled(
    scores: Sequence[int], right: Sequence[bool], source: str, present: Calibration
) -> Points:
    """Fit points to labelled verdicts; below the lowest the present calibration stays.

    The decision moves to where half are right. The points cannot be used (`check` says so) where
    no score, or every score, deserves a verdict.
    """
    found = isotonic(scores, right, MOST_POINTS - len(_UNSEEN))
    points = [(score, int(100 * share)) for score, share in found]
    least, promised = min(scores), points[0][1]
    for below in _UNSEEN:
        if least - below > -HIGHEST:
            points.append((least - below, min(present.confidence(least - below), promised)))
    return _line(points, source, len(scores))
