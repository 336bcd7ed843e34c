"""Weeks of people: where clocks change, where a year ends, when a mail is due."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from services.accountability.weekly.week import (
    Week,
    WeekError,
    day_ms,
    last_week,
    parse_week,
    parse_zone,
)

HOUR_MS = 3_600_000
BERLIN, AUCKLAND = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Auckland")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("week", "zone", "hours"),
    [
        ("2026-W13", "Europe/Berlin", 167),
        ("2026-W43", "Europe/Berlin", 169),
        ("2026-W47", "Europe/Berlin", 168),
        ("2026-W10", "America/New_York", 167),
        ("2026-W44", "America/New_York", 169),
        ("2026-W13", "UTC", 168),
        # Lord Howe's clocks change by half an hour.
        ("2026-W40", "Australia/Lord_Howe", 167.5),
    ],
)
def test_a_week_is_as_long_as_it_is_there(week: str, zone: str, hours: float):
    since, until = parse_week(week).bounds_ms(ZoneInfo(zone))
    assert (until - since) / HOUR_MS == hours


def test_weeks_follow_each_other_without_a_gap():
    week = parse_week("2026-W53")
    assert week.monday == date(2026, 12, 28)
    assert week.next.name == "2027-W01"
    assert week.bounds_ms(BERLIN)[1] == week.next.bounds_ms(BERLIN)[0]
    assert week.next.before == week


def test_a_mail_is_due_at_eight_on_monday_where_the_person_is():
    week = parse_week("2026-W47")
    assert week.due_ms(BERLIN) == ms("2026-11-23T08:00+01:00")
    assert week.due_ms(AUCKLAND) == ms("2026-11-23T08:00+13:00")
    # The clocks have changed in between.
    assert parse_week("2026-W13").due_ms(BERLIN) == ms("2026-03-30T08:00+02:00")


def test_the_last_week_is_the_one_that_is_over_there():
    now = ms("2026-11-22T22:30:00+00:00")
    assert last_week(now, ZoneInfo("UTC")).name == "2026-W46"
    assert last_week(now, BERLIN).name == "2026-W46"
    assert last_week(now, AUCKLAND).name == "2026-W47"
    assert last_week(now + HOUR_MS // 2, BERLIN).name == "2026-W47"


def test_a_midnight_that_does_not_exist_is_where_the_clocks_went_on():
    """In Cairo 24 April 2026 begins at one o'clock."""
    at = datetime.fromtimestamp(day_ms("2026-04-24", ZoneInfo("Africa/Cairo")) / 1000, UTC)
    assert at == datetime(2026, 4, 23, 22, tzinfo=UTC)


@pytest.mark.parametrize("name", ["2026-W00", "2026-W54", "2025-W53", "2026W47", "last", ""])
def test_what_is_no_week_is_said_so(name: str):
    with pytest.raises(WeekError, match="2026-W47"):
        parse_week(name)


def test_what_is_no_zone_is_said_so():
    with pytest.raises(WeekError, match="Mars"):
        parse_zone("Mars/Olympus")
    assert parse_zone("").key == "UTC"
    assert Week(date(2026, 11, 16)).name == "2026-W47"
