"""Latencies as every command prints them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def summary(values: Sequence[float]) -> dict[str, float]:
    """p50, p99, p999 and max by nearest rank, in the unit of the values; zeros without any."""
    if not values:
        return {"p50": 0.0, "p99": 0.0, "p999": 0.0, "max": 0.0}
    ordered = sorted(values)

    def at(share: float) -> float:
        return round(ordered[max(math.ceil(share * len(ordered)) - 1, 0)], 1)

    return {"p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "max": round(ordered[-1], 1)}
