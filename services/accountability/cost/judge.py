"""Which method: chance where it dealt, else likeness, else nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from services.accountability.cost.by_chance import judge_dealt
from services.accountability.cost.by_likeness import judge_alike
from services.accountability.cost.sample import Sample
from services.accountability.cost.verdict import Method, Verdict

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and which sample its figures are of."""

    verdict: Verdict
    sample: Literal["dealt", "offered"]


def judge(dealt: Sample, offered: Sample, level: float = LEVEL) -> Judgement:
    """Answer by the best method that the rows bear.

    Args:
        dealt: those whom a holdout dealt, helped or held out.
        offered: those to whom help was offered, and whether it came about.
    """
    by_chance = judge_dealt(dealt, level)
    if by_chance.method is not Method.CANNOT_TELL:
        return Judgement(by_chance, "dealt")
    if by_chance.checks:  # the holdout is broken: whatever broke it may have broken more
        return Judgement(by_chance, "dealt")
    alike = judge_alike(offered, level)
    lacking = tuple(f"holdout: {one}" for one in by_chance.missing)
    if alike.method is not Method.CANNOT_TELL:
        return Judgement(alike, "offered")
    by_likeness = tuple(f"without a holdout: {one}" for one in alike.missing)
    return Judgement(replace(alike, missing=lacking + by_likeness), "offered")
