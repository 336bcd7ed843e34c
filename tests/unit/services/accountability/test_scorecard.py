"""Figures of a scorecard that no database is needed for."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accountability.scorecard import wilson
from services.accountability.store import time_bucket


@pytest.mark.parametrize(
    ("right", "count"), [(0, 1), (1, 1), (3, 10), (50, 100), (999, 1_000), (0, 5_000)]
)
def test_wilsons_interval_is_the_one_of_statsmodels(right: int, count: int) -> None:
    proportion: Any = importlib.import_module("statsmodels.stats.proportion")  # without types
    known = proportion.proportion_confint(right, count, method="wilson")
    assert wilson(right, count) == pytest.approx(tuple(known), abs=1e-12)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_holds_the_share(case: tuple[int, int]) -> None:
    right, count = case
    low, high = wilson(right, count)
    assert 0 <= low <= right / count <= high <= 1


@given(st.integers(0, 10**11), st.integers(0, 10**11))
def test_buckets_keep_the_order_of_times_and_fit_the_column(one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert 0 <= time_bucket(small) <= time_bucket(large) < 1 << 15
