"""ISO weeks in a person's zone: where they begin and end, and when the mail about them is due."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_NAME: Final = re.compile(r"(\d{4})-W(\d{2})")
_MORNING: Final = time(8)


class WeekError(ValueError):
    """It names no week, or no zone; the message says what was expected."""


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """A week by its Monday."""

    monday: date

    @property
    def name(self) -> str:
        """ "2026-W47"."""
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02d}"

    @property
    def next(self) -> Week:
        """The one after."""
        return Week(self.monday + timedelta(days=7))

    @property
    def before(self) -> Week:
        """The one before."""
        return Week(self.monday - timedelta(days=7))

    def bounds_ms(self, zone: ZoneInfo) -> tuple[int, int]:
        """First millisecond, and first of the next week. A week of changing clocks is an hour
        shorter or longer."""
        return _ms(self.monday, time(), zone), _ms(self.next.monday, time(), zone)

    def due_ms(self, zone: ZoneInfo) -> int:
        """When the mail about it goes: at eight on the Monday after."""
        return _ms(self.next.monday, _MORNING, zone)


def parse_week(name: str) -> Week:
    """Read "2026-W47".

    Raises:
        WeekError: it is none.
    """
    found = _NAME.fullmatch(name)
    try:
        if found is not None:
            return Week(date.fromisocalendar(int(found[1]), int(found[2]), 1))
    except ValueError:
        pass
    raise WeekError(f"{name!r} is no week: expected one such as 2026-W47")


def parse_zone(name: str) -> ZoneInfo:
    """A person's zone; nobody has to have one.

    Raises:
        WeekError: there is none of that name.
    """
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, KeyError) as error:
        raise WeekError(
            f"{name[:64]!r} is no time zone: expected one such as Europe/Berlin"
        ) from error


def day_ms(day: str, zone: ZoneInfo) -> int:
    """First millisecond of "2026-11-16" in a zone.

    Raises:
        WeekError: it is no day.
    """
    try:
        return _ms(date.fromisoformat(day), time(), zone)
    except ValueError as error:
        raise WeekError(f"{day!r} is no day: expected one such as 2026-11-16") from error


def last_week(now_ms: int, zone: ZoneInfo) -> Week:
    """The last week that is over."""
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    return Week(today - timedelta(days=today.weekday())).before


def _ms(day: date, at: time, zone: ZoneInfo) -> int:
    # By way of UTC: where clocks change at midnight, that midnight may not exist.
    return round(datetime.combine(day, at, zone).astimezone(UTC).timestamp() * 1000)
