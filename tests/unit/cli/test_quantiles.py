"""Quantiles by nearest rank."""

from __future__ import annotations

from cli.quantiles import summary


def test_nearest_rank() -> None:
    assert summary([float(n) for n in range(1, 1001)]) == {
        "p50": 500.0,
        "p99": 990.0,
        "p999": 999.0,
        "max": 1000.0,
    }


def test_one_value_is_every_quantile() -> None:
    assert set(summary([7.04]).values()) == {7.0}


def test_no_value_is_zero() -> None:
    assert set(summary([]).values()) == {0.0}
