"""Where the time comes from. Passed in, so that tests own it."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns Unix epoch milliseconds."""


def wall_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000
