"""The promises of `python -m benchmarks cost`, small at every run and whole in the long one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from benchmarks.cost.dealt import FAMILIES
from benchmarks.cost.measure import bias, broken, coverage, overlapless
from benchmarks.cost.undealt import CONFOUNDED, NO_OVERLAP

TODAY: Final = int(datetime.now(UTC).strftime("%Y%m%d"))


@pytest.mark.parametrize("family", FAMILIES)
def test_intervals_hold_the_truth(family: str) -> None:
    row = coverage(family, 300, 20261127)
    assert row["told"] > 290
    # 300 worlds say it to about 2.5 points.
    assert 0.92 <= row["covered"] <= 0.98


@pytest.mark.parametrize("family", CONFOUNDED)
def test_likeness_takes_out_the_bias(family: str) -> None:
    assert broken({}, {family: bias(family, 5, 20261127)}, {}) == []


@pytest.mark.parametrize("family", NO_OVERLAP)
def test_nothing_is_told_without_overlap(family: str) -> None:
    assert broken({}, {}, {family: overlapless(family, 4, 20261127)}) == []


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("family", FAMILIES)
def test_intervals_hold_the_truth_in_5000_worlds_of_today(family: str) -> None:
    row = coverage(family, 5_000, TODAY)
    assert broken({family: row}, {}, {}) == [], f"seed {TODAY}"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("family", CONFOUNDED)
def test_likeness_takes_out_the_bias_of_today(family: str) -> None:
    assert broken({}, {family: bias(family, 50, TODAY)}, {}) == [], f"seed {TODAY}"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("family", NO_OVERLAP)
def test_nothing_is_told_without_overlap_today(family: str) -> None:
    assert broken({}, {}, {family: overlapless(family, 30, TODAY)}) == [], f"seed {TODAY}"
