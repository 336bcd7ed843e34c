"""`sentientiq calibrate`: made-up labels with a known truth come back as that truth."""

from __future__ import annotations

import csv
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cli.calibrate import command as calibrate
from cli.calibrate.fit import platt, reliability
from cli.label import HEADER, Episode, episodes_of, labels_path
from hotpath.model import Model
from hotpath.model_file import read_default, read_folder

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
    assert (fitted.source, fitted.n, fitted.method) == ("shop-june", len(episodes), "platt")
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
