"""`sentientiq calibrate`: made-up labels with a known truth come back as that truth."""

from __future__ import annotations

import csv
import json
import math
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from cli.calibrate import command as calibrate
from cli.calibrate import fit, labels, points
from cli.calibrate.fit import SOLID, platt, reliability
from cli.calibrate.labels import Labelled
from cli.calibrate.report import markdown
from cli.label import HEADER, Episode, episodes_of, labels_path
from hotpath.calibration import CalibrationError, Platt
from hotpath.model import Model
from hotpath.model_file import read_default, read_folder

CASES = Path(__file__).parents[2] / "cases"
T0 = 1_700_000_000_000


def record(path: Path, sessions: int) -> list[Episode]:
    """Write presses on dead controls of several kinds; return what is found in them."""
    chance = random.Random(7)
    lines: list[dict[str, object]] = []
    for number in range(sessions):
        count, gap = chance.choice([3, 4, 5, 6, 8]), chance.choice([150, 250, 300])
        target, flags = chance.choice(
            [("button#buy", ["button"]), ("div.card", []), ("button#off", ["button", "disabled"])]
        )
        for press in range(count):
            lines.append(
                {"session": f"s{number}", "t": T0 + 600_000 * number + gap * press, "type": "click",
                 "x": 3, "y": 3, "target": target, "flags": flags}
            )  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return episodes_of(str(path), threshold=50)


def write_labels(path: Path, episodes: list[Episode], rights: list[str]) -> None:
    with labels_path(str(path)).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for episode, right in zip(episodes, rights, strict=False):
            writer.writerow(
                (episode.session, episode.id, episode.emotion, episode.confidence, right)
            )


def answers(episodes: list[Episode]) -> list[str]:
    """Right with sigmoid(log-odds - 1.5): the shipped model promises too much."""
    chance = random.Random(3)
    return [
        "yes" if chance.random() < 1 / (1 + math.exp(1.5 - episode.log_odds)) else "no"
        for episode in episodes
    ]


def run(folder: Path) -> Result:
    return CliRunner().invoke(calibrate.command, [str(folder)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shop-june"
    made.mkdir()
    return made


def test_confidences_are_fitted_and_everything_is_written(folder: Path) -> None:
    episodes = record(folder / "june.ndjson", 150)
    write_labels(folder / "june.ndjson", episodes, answers(episodes))
    result = run(folder)
    assert result.exit_code == 0, result.output
    assert f"rage: {len(episodes)} labels, Brier" in result.output
    assert "provisional, fewer than 200 labels" in result.output
    assert "confusion: left as it was, 0 labels, of at least 30" in result.output

    files = read_folder(folder / "models")
    fitted = files["rage"].calibration
    assert isinstance(fitted, Platt)
    assert (fitted.source, fitted.n) == ("shop-june", len(episodes))
    assert files["confusion"] == read_default()["confusion"]
    assert Model(files).calibrations["rage"] == "shop-june"
    # The truth is 1 and -1.5; what matters is what is promised where the labels are.
    for log_odds in (1.0, 2.0, 3.0):
        promised = 1 / (1 + math.exp(-(fitted.slope * log_odds + fitted.intercept)))
        assert promised == pytest.approx(1 / (1 + math.exp(1.5 - log_odds)), abs=0.12)

    text = (folder / "calibration.md").read_text()
    assert f"## Rage: {len(episodes)} labels" in text
    assert "**Provisional**" in text
    assert "No better than before" not in text
    assert (folder / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_skipped_episodes_are_no_labels_and_too_few_are_refused(folder: Path) -> None:
    episodes = record(folder / "june.ndjson", 60)
    write_labels(folder / "june.ndjson", episodes, ["yes"] * 15 + ["no"] * 14 + [""] * 10)
    result = run(folder)
    assert result.exit_code == 1
    assert "rage: left as it was, 29 labels, of at least 30" in result.output
    assert "sentientiq label" in result.stderr
    assert not (folder / "models").exists()


def test_labels_of_one_kind_alone_are_refused(folder: Path) -> None:
    episodes = record(folder / "june.ndjson", 60)
    write_labels(folder / "june.ndjson", episodes, ["yes"] * 40)
    result = run(folder)
    assert "40 right and 0 wrong, of at least 5 each" in result.output
    assert result.exit_code == 1


def test_labels_that_no_longer_fit_their_recording_are_refused(folder: Path) -> None:
    episodes = record(folder / "june.ndjson", 10)
    stale = [episode._replace(confidence=episode.confidence - 1) for episode in episodes]
    write_labels(folder / "june.ndjson", stale, ["yes"] * 10)
    assert (
        "june.ndjson.labels.csv:2: june.ndjson no longer gives this emotion" in run(folder).stderr
    )
    (folder / "june.ndjson").unlink()
    assert "labels of june.ndjson, which is not beside it" in run(folder).stderr


def test_a_label_of_what_was_taken_back_teaches_nothing(folder: Path) -> None:
    recording = folder / "june.ndjson"
    shutil.copy(CASES / "comes_back_and_gives_up_after_all.ndjson", recording)
    episodes = episodes_of(str(recording), threshold=50)
    assert [episode.taken_back for episode in episodes] == [True, False]
    write_labels(recording, episodes, ["yes", "no"])
    assert [(one.id, one.right) for one in labels.read_folder(folder, 50)] == [
        (episodes[1].id, False)
    ]


def test_a_folder_without_labels_says_how_to_make_some(folder: Path) -> None:
    assert "make some with `sentientiq label FILE…`" in run(folder).stderr


def test_a_missing_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "EXTRA", ("no_such_library", "scipy"))
    result = run(folder)
    assert result.exit_code == 1
    assert "no_such_library missing: install them with `pip install 'sentientiq[calibrate]'`" in (
        result.stderr
    )


def test_platt_finds_slope_and_intercept() -> None:
    chance = np.random.default_rng(1)
    log_odds = chance.uniform(-4, 4, 5_000)
    right = (chance.random(5_000) < 1 / (1 + np.exp(-(0.7 * log_odds + 0.4)))).astype(float)
    slope, intercept = platt(log_odds, right)
    assert (slope, intercept) == (pytest.approx(0.7, abs=0.06), pytest.approx(0.4, abs=0.1))


def test_reliability_measures_the_gap() -> None:
    found = reliability(np.array([0.9] * 10 + [1.0] * 2), np.array([1.0] * 6 + [0.0] * 6))
    (only,) = found.bins
    assert (only.low, only.n, only.right) == (0.9, 12, 0.5)
    assert found.ece == pytest.approx((10 * 0.9 + 2) / 12 - 0.5)
    assert found.brier == pytest.approx((6 * 0.01 + 4 * 0.81 + 2 * 1.0) / 12)


def _labels(n: int, chance: dict[int, float]) -> list[Labelled]:
    """Make labels of scores, each right with its chance."""
    rng = random.Random(5)
    scores = [rng.choice(list(chance)) for _ in range(n)]
    return [
        Labelled(f"{i:04}", "rage", score / 10, rng.random() < chance[score])
        for i, score in enumerate(scores)
    ]


STEP = {0: 0.3, 3: 0.32, 6: 0.85, 15: 0.87, 30: 0.9}
"""What no sigmoid fits."""


def test_points_are_taken_where_a_sigmoid_fits_worse() -> None:
    found = fit.fit("rage", _labels(1500, STEP), Platt(1.0, 0.0, "prior-v1", 0), "june")
    assert isinstance(found, fit.Fit)
    assert isinstance(found.calibration, points.Points)
    found.calibration.check()
    assert (found.calibration.source, found.calibration.n) == ("june", 1500)
    for score, share in STEP.items():
        assert found.calibration.confidence(score) == pytest.approx(100 * share, abs=6)
    # Lower scores had no labels: what was said of them is not raised.
    assert [found.calibration.confidence(score) for score in (-99, -45, -25, -10)] == [1, 1, 8, 26]
    assert "straight lines between: -4.5 → 1 %" in markdown("june", [found], {})


def test_few_labels_are_fitted_by_a_sigmoid() -> None:
    found = fit.fit("rage", _labels(SOLID - 1, STEP), Platt(1.0, 0.0, "prior-v1", 0), "june")
    assert isinstance(found, fit.Fit)
    assert isinstance(found.calibration, Platt)


def test_points_without_a_decision_are_not_taken() -> None:
    present = Platt(1.0, 0.0, "prior-v1", 0)
    labels = _labels(600, {0: 0.1, 5: 0.4, 9: 0.41, 20: 0.4})
    line = points.labelled(
        [round(10 * one.log_odds) for one in labels], [one.right for one in labels], "x", present
    )
    with pytest.raises(CalibrationError, match="must meet 50"):
        line.check()
    found = fit.fit("rage", labels, present, "june")
    assert isinstance(found, fit.Fit)
    assert isinstance(found.calibration, Platt)


@given(
    st.lists(st.tuples(st.integers(-60, 60), st.booleans()), min_size=1, max_size=60),
    st.integers(-5, 5),
)
def test_points_about_a_decision_keep_it(seen: list[tuple[int, bool]], decision: int) -> None:
    scores, right = [score for score, _ in seen], [hit for _, hit in seen]
    line = points.about(scores, right, "x", decision=decision)
    line.check()
    assert line.confidence(decision - 1) < 50 <= line.confidence(decision)


def test_points_about_a_decision_spread_what_lies_below() -> None:
    scores = [*range(-22, 0), *range(0, 30)] * 20
    right = [score >= 0 for score in scores]
    line = points.about(scores, right, "x")
    told = [line.confidence(score) for score in range(-22, 0, 3)]
    assert told == sorted(set(told))
    assert line.confidence(-1) < 15
    assert line.confidence(29) > 95
    # No certainty from nothing but hits.
    assert line.confidence(0) < 100


def test_isotonic_pools_what_falls_and_keeps_the_best_steps() -> None:
    scores = [0] * 10 + [1] * 10 + [2] * 10 + [9] * 10
    right = [False] * 10 + [True] * 6 + [False] * 4 + [True] * 4 + [False] * 6 + [True] * 10
    found = points.isotonic(scores, right, 9)
    assert found == [
        (0, pytest.approx(0.5 / 11)),
        (2, pytest.approx(0.5)),
        (9, pytest.approx(10.5 / 11)),
    ]
    # Of two ways to leave one out, the first costs less: its neighbours are nearer.
    (low, _), high = points.isotonic([*scores, *[9] * 20], [*right, *[True] * 20], 2)
    assert (low, high) == (1, (9, pytest.approx(30.5 / 31)))
