"""Working time: zones, clocks that change, nights, holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accountability.hours import Hours, after_working, overlap_ms

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000
ZONES = st.sampled_from(
    [
        *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"),
        *("Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Chatham"),
    ]
)
CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
HOURS = st.builds(
    Hours,
    CLOCKS,
    CLOCKS,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.frozensets(st.dates(date(2026, 3, 20), date(2026, 4, 10)), max_size=4),
)


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def worked(hours: Hours, since: str, until: str, zone: ZoneInfo = BERLIN) -> float:
    return sum(end - start for start, end in hours.spans(zone, at(since), at(until))) / HOUR_MS


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-11-27T08:00", "2026-11-27T20:00", 9),  # a Friday
        ("2026-11-27T17:30", "2026-11-30T09:30", 1),  # over the weekend
        ("2026-11-28T00:00", "2026-11-30T00:00", 0),
        ("2026-11-27T10:00", "2026-11-27T10:15", 0.25),
        ("2026-11-27T10:00", "2026-11-27T10:00", 0),
        ("2026-12-24T16:00", "2026-12-28T10:00", 3),  # the 25th is off
    ],
)
def test_an_ordinary_week(since: str, until: str, expected: float) -> None:
    assert worked(Hours(holidays=frozenset({date(2026, 12, 25)})), since, until) == expected


def test_nights_belong_to_the_day_they_begin_on() -> None:
    nights = Hours(time(22), time(6), frozenset({4}))  # Friday's
    assert worked(nights, "2026-11-27T00:00", "2026-11-30T00:00") == 8
    assert worked(nights, "2026-11-28T05:00", "2026-11-28T12:00") == 1
    assert worked(nights, "2026-11-27T00:00", "2026-11-27T06:00") == 0


@pytest.mark.parametrize(("day", "expected"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_days_on_which_clocks_change(day: str, expected: int) -> None:
    always = Hours(time(0), time(0), frozenset(range(7)))
    after = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    assert worked(always, f"{day}T00:00", f"{after}T00:00") == expected


def test_an_opening_time_that_is_left_out_comes_with_the_hour_after() -> None:
    early = Hours(time(2, 30), time(10), frozenset(range(7)))
    spans = list(early.spans(BERLIN, at("2026-03-29T00:00"), at("2026-03-29T12:00")))
    assert [datetime.fromtimestamp(spans[0][0] / 1000, UTC).hour] == [1]
    assert (spans[0][1] - spans[0][0]) / HOUR_MS == 6.5


def test_a_deadline_of_working_time_goes_on_after_the_weekend() -> None:
    since = at("2026-11-27T17:50")
    spans = Hours().spans(BERLIN, since, since + 30 * 24 * HOUR_MS)
    assert after_working(spans, 15 * 60_000) == at("2026-11-30T09:05")
    assert after_working(iter([(0, 10)]), 11) is None


@given(HOURS, ZONES, st.integers(0, 21 * 24 * 60), st.integers(0, 4 * 24 * 60))
def test_a_slow_twin_agrees(hours: Hours, name: str, begin: int, length: int) -> None:
    """Minute by minute, by what the clock on the wall shows."""
    zone = ZoneInfo(name)
    from_ms = at("2026-03-20T00:00", ZoneInfo("UTC")) + begin * 60_000
    to_ms = from_ms + length * 60_000
    spans = list(hours.spans(zone, from_ms, to_ms))
    for start, end in spans:
        assert from_ms <= start < end <= to_ms
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    for minute in range(0, length, 7):
        moment = from_ms + minute * 60_000
        if near_a_change(zone, moment):
            continue
        inside = any(start <= moment < end for start, end in spans)
        assert inside == open_at(hours, datetime.fromtimestamp(moment / 1000, zone)), moment


def open_at(hours: Hours, local: datetime) -> bool:
    clock, today = local.time(), local.date()
    yesterday = today - timedelta(days=1)

    def works(day: date) -> bool:
        return day.weekday() in hours.days and day not in hours.holidays

    if hours.start < hours.end:
        return works(today) and hours.start <= clock < hours.end
    return (works(today) and clock >= hours.start) or (works(yesterday) and clock < hours.end)


def near_a_change(zone: ZoneInfo, moment: int) -> bool:
    """Within a day's clock change, what the wall shows is no function of what was meant."""
    offsets = {
        datetime.fromtimestamp(moment / 1000 + hours * 3600, zone).utcoffset()
        for hours in (-3, 0, 3)
    }
    return len(offsets) > 1


def test_overlap_counts_only_what_lies_between() -> None:
    assert overlap_ms([(0, 10), (20, 30)], 5, 25) == 10
    assert overlap_ms([(0, 10)], 10, 5) == 0
