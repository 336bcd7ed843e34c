"""Model files: the confidence of a score, and which files are refused."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.calibration import Platt, Points
from hotpath.columns import from_wire
from hotpath.detector import Detector
from hotpath.model import Model
from hotpath.model_file import ModelError, parse, read_default, write
from tests.unit.hotpath.helpers.visits import T0

LINE = Points(((-20, 2), (-1, 30), (0, 50), (7, 60), (40, 97)), "shop-june", 480)


def _with(calibration: object) -> bytes:
    """Return the file of rage with a calibration that nobody has checked."""
    raw = msgspec.json.decode(write(read_default()["rage"]))
    return msgspec.json.encode({**raw, "calibration": calibration})


def test_points_are_joined_by_straight_lines_and_level_at_both_ends() -> None:
    told = {score: LINE.confidence(score) for score in (-99, -20, -2, -1, 0, 3, 7, 8, 40, 99)}
    # Rounded down: 28.53, 54.29, 61.12.
    assert told == {
        -99: 2, -20: 2, -2: 28, -1: 30, 0: 50, 3: 54, 7: 60, 8: 61, 40: 97, 99: 97,
    }  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(-99, 98), st.integers(0, 49)), min_size=1, max_size=8),
    st.integers(51, 100),
)
def test_no_confidence_falls_and_one_score_decides(low: list[tuple[int, int]], top: int) -> None:
    scores = sorted({score for score, _ in low})
    confidences = sorted(confidence for _, confidence in low)
    points = [*zip(scores, confidences, strict=False), (scores[-1] + 1, top)]
    line = Points(tuple(points), "", 0)
    line.check()
    told = [line.confidence(score) for score in range(-99, 100)]
    assert told == sorted(told)
    # Nothing is rounded up to a verdict: a confidence of 50 means that the line is at 50.
    assert all(confidence < 50 for confidence in told[: scores[-1] + 99 + 1])
    assert told[scores[-1] + 1 + 99] == top


@pytest.mark.parametrize("calibration", [LINE, Platt(0.5, -1.0, "shop-june", 31)])
def test_a_model_file_brings_its_calibration_to_the_kernel(calibration: Platt | Points) -> None:
    files = read_default()
    rage = msgspec.structs.replace(files["rage"], calibration=calibration)
    assert parse(write(rage), "rage.json") == rage
    model = Model(files | {"rage": rage})
    assert model.calibrations["rage"] == "shop-june"
    # Every press says something new, so that each is told with the score that it makes.
    detector = Detector(16, threshold=0, model=model)
    table = {1: ("button#buy", 1 << 1)}
    for number in range(9):
        columns = from_wire([[3, 0, 9, 9, 1]], table)
        detector.apply(
            "t", "s", "p", number + 1, T0 + 400 * number, 0, "", columns.blob, columns.targets,
            columns.strings,
        )  # fmt: skip
    told = {
        round(10 * sum(value for _, value in e.contributions)): e.confidence
        for e in detector.drain()
    }
    assert len(told) > 2
    assert told == {score: calibration.confidence(score) for score in told}


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([[0, 60]], "1 points, of 2 to 16"),
        ([[i, i] for i in range(40, 57)], "17 points, of 2 to 16"),
        ([[-100, 0], [0, 60]], "point [-100, 0]: scores are -99 to 99, confidences 0 to 100"),
        ([[0, 0], [9, 101]], "point [9, 101]: scores are"),
        ([[0, 0], [0, 60]], "point [0, 60] after [0, 0]: scores must rise"),
        ([[0, 20], [5, 10], [9, 60]], "point [5, 10] after [0, 20]"),
        ([[0, 0], [9, 49]], "must meet 50 at one score"),
        ([[0, 0], [9, 50]], "must meet 50 at one score"),
        ([[0, 50], [9, 60]], "must meet 50 at one score"),
        ([[0, 0], [5, 50], [9, 50], [12, 60]], "must meet 50 at one score"),
    ],
)
def test_points_that_cannot_be_used_are_refused(points: list[list[int]], why: str) -> None:
    file = _with({"method": "points", "points": points, "source": "x", "n": 0})
    with pytest.raises(ModelError) as refused:
        parse(file, "rage.json")
    assert str(refused.value).startswith("rage.json: calibration: ")
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("calibration", "why"),
    [
        ({"method": "guess", "source": "x", "n": 0}, "'guess'"),
        ({"method": "platt", "slope": 0, "intercept": 0, "source": "x", "n": 0}, "slope > 0"),
        ({"method": "platt", "points": [[0, 1]], "source": "x", "n": 0}, "unknown field `points`"),
        ({"method": "points", "points": [[0, 1, 2]], "source": "x", "n": 0}, "points[0]"),
        ({"method": "points", "points": [[0, 0.5]], "source": "x", "n": 0}, "points[0][1]"),
    ],
)
def test_other_calibrations_are_refused(calibration: dict[str, object], why: str) -> None:
    with pytest.raises(ModelError, match=r"^rage\.json: ") as refused:
        parse(_with(calibration), "rage.json")
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("burst", "why"),
    [
        ({"unanswered": -1}, "unanswered is -1, but must be >= 0"),
        ({"answered": 1}, "answered is 1, but must be <= 0"),
        ({"late": 201}, "late is 201"),
        ({"presses_4": 3}, "more presses must not be worth less"),
        ({"guessed": 3}, "`burst` must name exactly"),
    ],
)
def test_weights_of_presses_that_excuse_what_accuses_are_refused(
    burst: dict[str, int], why: str
) -> None:
    raw = msgspec.json.decode(write(read_default()["rage"]))
    with pytest.raises(ModelError) as refused:
        parse(msgspec.json.encode({**raw, "burst": {**raw["burst"], **burst}}), "rage.json")
    assert why in str(refused.value)
