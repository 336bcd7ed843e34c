"""What the acceptance benchmarks make of samples: windows, slopes, kept or missed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.acceptance.check import Result, all_of, at_least, at_most, below, none, told
from benchmarks.acceptance.command import SCENARIOS, command
from benchmarks.acceptance.given import Given
from benchmarks.acceptance.growth import Growth
from benchmarks.acceptance.surge import Surge
from benchmarks.mesh.plan import Plan
from benchmarks.mesh.run import Timeline


def test_a_bound_is_kept_or_missed():
    assert [at_most("", value, 10, "").kept for value in (9, 10, 11)] == [True, True, False]
    assert [below("", value, 10, "").kept for value in (9, 10)] == [True, False]
    assert [at_least("", value, 10, "").kept for value in (9, 10)] == [False, True]
    assert [none("", count).kept for count in (0, 1)] == [True, False]
    assert [all_of("", count, 3).kept for count in (2, 3, 4)] == [False, True, False]
    assert told("", 1, "").kept is None


def test_a_result_is_kept_if_nothing_was_missed():
    assert Result("", [told("", 1, ""), none("", 0)], []).kept
    assert not Result("", [none("", 0), none("", 1)], []).kept


def test_short_is_a_share_of_the_load():
    short = Given(print, share=0.1, short=True)
    load = short.load(rate=1_000)
    assert (load.sessions, load.rate, load.seconds) == (1_000, 100, 12)
    assert Given(print).load(rate=1_000).sessions == 10_000
    assert Given(print, seconds=30).load().seconds == 30


def test_what_is_trimmed_before_the_end_is_not_read_back():
    given = Given(print)
    assert given.load(rate=1_000, seconds=600).read_back
    assert not given.load(rate=10_000, seconds=600).read_back


def test_a_surge_raises_the_rate_for_its_time():
    plan = Plan("", 0, "", 0, 1, 1.0, 100.0, 10, 0.0, 30.0, 1, "")
    assert plan.rate_at(5.0) == 100.0
    surging = replace(plan, surge=6.0, surge_after_s=10.0, surge_s=5.0)
    assert [surging.rate_at(s) for s in (9.9, 10.0, 14.9, 15.0)] == [100, 600, 600, 100]


def acks(*spans: tuple[float, float, int, float]) -> Timeline:
    """Samples of spans: from, to, frames a second, latency in ms."""
    pairs = [
        (1e6 + (start + number / rate) * 1000, latency)
        for start, end, rate, latency in spans
        for number in range(round((end - start) * rate))
    ]
    return Timeline(1_000.0, {"ack": np.array(pairs)})


def test_a_surge_is_seen_second_by_second():
    seen = Surge.of(acks((0, 10, 50, 10.0), (10, 20, 100, 200.0), (20, 40, 50, 12.0)), 10, 10)
    assert seen.goodput == pytest.approx(100, rel=0.05)
    assert (seen.p50_ms, seen.p99_ms) == (200.0, 200.0)
    assert seen.back_s == 0.0


def test_what_takes_its_time_to_be_normal_is_seen():
    seen = Surge.of(acks((0, 10, 50, 10.0), (10, 23, 100, 200.0), (23, 40, 50, 12.0)), 10, 10)
    assert seen.back_s == 3.0


def test_growth_is_a_slope():
    growth = Growth(cast("Any", None), ("edge",))
    growth.at = [0.0, 300.0, 600.0, 900.0]
    growth.held["edge", "memory"] = [100.0, 101.0, 102.0, 103.0]
    assert growth.percent_per_10_min("edge", "memory") == pytest.approx(2 / 101.5 * 100)


def test_every_scenario_is_in_the_help_and_can_be_loaded():
    said = CliRunner().invoke(command, ["--help"])
    assert said.exit_code == 0
    for name in SCENARIOS:
        assert name in said.output
    assert CliRunner().invoke(command, ["AT-99"]).exit_code == 2
