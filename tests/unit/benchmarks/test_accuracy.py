"""The accuracy benchmark counts what the detector says, and counts right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.accuracy import real
from benchmarks.accuracy.simulated import ece
from benchmarks.accuracy.verdicts import Verdict, run
from benchmarks.baselines import RULES
from benchmarks.data import BESIDE
from benchmarks.statistics import auc, f1, f1_interval, interval
from benchmarks.visitors import EMOTIONS

CASES = Path(__file__).parents[2] / "cases"


def verdict_on(case: str) -> Verdict:
    with (CASES / f"{case}.ndjson").open("rb") as lines:
        return run(lines, case)[case]


def test_alarms_are_counted_by_episode() -> None:
    verdict = verdict_on("dead_button_shaking_hand")
    assert verdict.count("rage") == 1
    assert verdict.confidence("rage") >= 50
    assert verdict.count("hesitation") == 0


def test_silence_has_a_confidence_below_the_threshold() -> None:
    verdict = verdict_on("one_dead_click")
    assert not verdict.alarms
    assert verdict.confidence("rage") < 50


def test_active_time_leaves_out_long_gaps() -> None:
    lines = [
        {"session": "s", "t": t, "type": "pointer_move", "x": 1, "y": 2}
        for t in (1000, 11_000, 80_000, 81_000)
    ]
    verdict = run((json.dumps(line).encode() for line in lines), "gaps")["s"]
    assert verdict.active_ms == 11_000


def test_calibration_error_is_the_distance_from_the_share() -> None:
    assert ece([75, 75, 75, 75], [True, True, True, False]) == 0
    assert ece([95, 95], [False, False]) == 0.95
    assert ece([5, 95], [False, True]) == 0.05


def test_area_counts_ties_half_and_weighs() -> None:
    assert auc([1, 2, 3, 4], [False, False, True, True]) == 1
    assert auc([1, 1], [False, True]) == 0.5
    assert auc([1, 2], [True, True]) is None


def test_precision_of_a_silent_rule_is_nothing() -> None:
    assert f1([False, False], [True, False]) == {"precision": 0, "recall": 0, "f1": 0}
    assert f1([True, True], [True, False]) == {"precision": 0.5, "recall": 1, "f1": 0.6667}


def test_interval_of_f1_narrows_with_the_sessions_and_holds_the_figure() -> None:
    assert f1_interval([False, False], [False, False]) is None
    assert f1_interval([True] * 9, [True] * 9) is None
    assert f1_interval([False] * 9, [True] * 9) is None
    # As the delta method has it: 2·TP / (2·TP + W) with TP 90, W 20 of 400 varies by 0.0222.
    fired = [True] * 100 + [False] * 300
    true = [True] * 90 + [False] * 10 + [True] * 10 + [False] * 290
    assert f1_interval(fired, true) == pytest.approx(
        [0.9 - 1.96 * 0.0222, 0.9 + 1.96 * 0.0222], abs=0.01
    )
    low, high = f1_interval(fired * 25, true * 25) or (0.0, 0.0)
    assert 0.9 - low == pytest.approx(1.96 * 0.0222 / 5, abs=0.002)
    assert high - 0.9 == pytest.approx(1.96 * 0.0222 / 5, abs=0.002)


def test_interval_draws_whole_people() -> None:
    assert interval(["a", "a"], lambda rows: float(len(rows))) is None
    found = interval(["a", "a", "b", "b"], lambda rows: float(len(rows)))
    assert found == [4, 4]


def test_pairs_are_compared_within_strata_only() -> None:
    scores, good = [1.0, 2.0, 11.0, 12.0], [False, True, False, True]
    figure = real.area(["a", "b", "c", "d"], scores, good, [0, 0, 1, 1])
    assert figure["auc"] == 1
    scores = [1.0, 2.0, 13.0, 12.0]
    assert real.area(["a", "b", "c", "d"], scores, good, [0, 0, 1, 1])["auc"] == 0.5


def test_command_prints_one_object_with_and_without_recordings(tmp_path: Path) -> None:
    args = ["accuracy", "--json", "--seed", "3", "--visits", "12", "--data", str(tmp_path / "no")]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0
    figures = json.loads(result.stdout)
    assert set(figures["simulated"]) == set(EMOTIONS)
    assert {"precision", "recall", "f1", "ece"} <= set(figures["simulated"]["rage"])
    assert set(figures["baselines"]) == set(RULES)
    assert figures["real"] == {}
    assert "left out" in result.stderr


def test_unknown_benchmark_is_named() -> None:
    result = CliRunner().invoke(main, ["nonsense"])
    assert result.exit_code == 2
    assert "nonsense" in result.output


@pytest.mark.skipif(not BESIDE.is_dir(), reason="no ../shared/data beside the checkout")
def test_map_study_tells_the_unhappy_by_what_stayed_unanswered() -> None:
    found = real.report(real.read(BESIDE, "slow_map"))
    assert found["unanswered"]["auc"] > 0.7  # type: ignore[index]
    assert found["rage_at_equal_delay"]["auc"] >= 0.65  # type: ignore[index]
