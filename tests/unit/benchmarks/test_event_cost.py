"""What `benchmarks event-cost` makes of figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.event_cost.command import summary
from benchmarks.event_cost.growing import Cost
from benchmarks.event_cost.projection import LIMITS, at, breaks_at

SMALL = Cost(1_000_000, 4.0, 20.0, 8.0, 5.0, 3, 0.5, 0.4, "journey", 100.0, 500.0, 0)
LARGE = replace(SMALL, events=3_000_000, count_day_s=1.5, slowest_report_ms=300.0)
REPORT = next(limit for limit in LIMITS if limit.name == "report")
LOG = next(limit for limit in LIMITS if limit.name == "log_memory")
MEMORY = next(limit for limit in LIMITS if limit.name == "memory")


def test_a_line_goes_through_what_was_measured() -> None:
    for events, value in ((1_000_000, 100), (3_000_000, 300), (100_000_000, 10_000)):
        assert at([SMALL, LARGE], REPORT.of, events) == pytest.approx(value)


def test_a_limit_is_reached_where_the_line_crosses_it() -> None:
    assert breaks_at([SMALL, LARGE], REPORT) == pytest.approx(10_000_000)
    assert breaks_at([SMALL], LOG) == pytest.approx(LOG.most / 20)


def test_what_fell_by_chance_is_not_projected_below_nothing() -> None:
    assert at([SMALL, replace(LARGE, slowest_report_ms=60.0)], REPORT.of, 1e8) == 100.0


def test_what_does_not_grow_never_breaks() -> None:
    assert breaks_at([SMALL, LARGE], MEMORY) is None


def test_what_is_broken_already_is_said_to_be_at_the_size_that_showed_it() -> None:
    slow = replace(LARGE, slowest_report_ms=2_000.0)
    assert breaks_at([SMALL, slow], REPORT) == 3_000_000


def test_the_first_to_break_comes_first_and_sums_are_of_100_million() -> None:
    found = summary([SMALL, LARGE])
    assert found["breaks"][0]["what"] == "report"
    events = [broken["at_events"] for broken in found["breaks"]]
    assert events == sorted(events)
    assert found["at_100m"]["cpu_s"] == 400
    assert found["at_100m"]["analytics_gb"] == 0.8
    assert found["at_100m"]["count_day_s"] == 50.0
