"""When somebody works: hours of the day and days of the week in their zone, less holidays.

Local times are turned to moments day by day, so a day of 23 or 25 hours is one. A clock that is put
forward over an opening time opens when it strikes again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.accountability.facts import Span

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """A working week. `start` ≥ `end` works over midnight; the night is the day's it began on."""

    start: time = time(9)
    end: time = time(18)
    days: frozenset[int] = frozenset(range(5))
    """Monday is 0."""
    holidays: frozenset[date] = frozenset()

    def spans(self, zone: ZoneInfo, from_ms: int, to_ms: int) -> Iterator[Span]:
        """Working time from a moment until before another, in order."""
        if from_ms >= to_ms:
            return
        # A night that began the day before may still last.
        day = datetime.fromtimestamp(from_ms / 1000, zone).date() - _DAY
        last = datetime.fromtimestamp(to_ms / 1000, zone).date()
        while day <= last:
            if day.weekday() in self.days and day not in self.holidays:
                until = day + _DAY if self.start >= self.end else day
                start_ms = max(from_ms, _moment(day, self.start, zone))
                end_ms = min(to_ms, _moment(until, self.end, zone))
                if start_ms < end_ms:
                    yield start_ms, end_ms
            day += _DAY


def _moment(day: date, clock: time, zone: ZoneInfo) -> int:
    # Through UTC: a local time that is left out when clocks go forward becomes the one after it.
    local = datetime.combine(day, clock, zone)
    return round(local.astimezone(UTC).timestamp() * 1000)


def overlap_ms(spans: Sequence[Span], from_ms: int, to_ms: int) -> int:
    """How much of the spans lies between two moments."""
    return sum(max(0, min(end, to_ms) - max(start, from_ms)) for start, end in spans)


def after_working(spans: Iterator[Span], working_ms: int) -> int | None:
    """The moment at which so much of the spans has passed; None: they are not enough."""
    left_ms = working_ms
    for start, end in spans:
        if end - start >= left_ms:
            return start + left_ms
        left_ms -= end - start
    return None
