"""The simulator keeps its promises: repeatable, in the format, hard, and giving nothing away."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, cast

import jsonschema
import pytest
from click.testing import CliRunner

from benchmarks.visitors import EMOTIONS, HARD, generate
from benchmarks.visitors.__main__ import main
from benchmarks.visitors.leakage import leaks
from hotpath.recording import KINDS, Reader
from hotpath.recording_schema import schema

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.visitors import Visit


@pytest.fixture(scope="module")
def visits() -> list[Visit]:
    return list(generate(11, 900))


def test_same_seed_same_visits(visits: list[Visit]) -> None:
    assert list(generate(11, 3, start=40)) == visits[40:43]
    assert next(generate(12, 1)).lines != visits[0].lines


def test_lines_fit_the_recording_format(visits: list[Visit]) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    for visit in visits[:6]:
        for line in visit.lines:
            validator.validate(line)
    raw = (json.dumps(line).encode() for visit in visits for line in visit.lines)
    reader = Reader(raw, "simulated")
    assert sum(len(batch.events) for batch in reader) == reader.events
    assert not reader.skipped


def test_lines_come_in_order_of_time(visits: list[Visit]) -> None:
    for visit in visits:
        times = [cast("int", line["t"]) for line in visit.lines]
        assert times == sorted(times)


def test_every_event_type_occurs(visits: list[Visit]) -> None:
    assert {line["type"] for visit in visits for line in visit.lines} == set(KINDS)


def test_every_hard_negative_occurs(visits: list[Visit]) -> None:
    assert set(HARD) <= {visit.kind for visit in visits if visit.hard}


def test_at_least_thirty_percent_are_hard_negatives(visits: list[Visit]) -> None:
    assert sum(visit.hard for visit in visits) >= 0.3 * len(visits)


def test_truth_lies_within_the_visit(visits: list[Visit]) -> None:
    for visit in visits:
        times = [cast("int", line["t"]) for line in visit.lines]
        for feeling in visit.truth.values():
            if feeling is not None:
                assert times[0] <= feeling.start <= feeling.end <= times[-1]


def test_perfection_is_impossible(visits: list[Visit]) -> None:
    for emotion in EMOTIONS:
        felt = [visit.truth[emotion] for visit in visits if visit.truth[emotion] is not None]
        assert len(felt) >= 0.05 * len(visits)
        hidden = sum(not feeling.shown for feeling in felt if feeling is not None)
        mimics = sum(emotion in visit.mimics for visit in visits)
        assert hidden + mimics >= 1
        shown = len(felt) - hidden
        assert 2 * shown / (2 * shown + hidden + mimics) >= 0.9


def test_metadata_does_not_give_the_label_away(visits: list[Visit]) -> None:
    for emotion, f1 in leaks(visits).items():
        assert f1 <= 0.75, emotion


def test_command_writes_recording_and_labels(tmp_path: Path) -> None:
    out, labels = tmp_path / "v.ndjson.gz", tmp_path / "v.csv"
    args = ["--seed", "5", "--visits", "4", "--out", str(out), "--labels", str(labels)]
    assert CliRunner().invoke(main, args).exit_code == 0
    first = out.read_bytes()
    assert CliRunner().invoke(main, args).exit_code == 0
    assert out.read_bytes() == first
    assert Counter(labels.read_text().splitlines()[0].split(","))["rage_cause"] == 1
    assert len(labels.read_text().splitlines()) == 5


def test_command_names_what_is_wrong_with_a_mix() -> None:
    result = CliRunner().invoke(main, ["--out", "-", "--mix", "joy=1"])
    assert result.exit_code == 2
    assert "NAME=SHARE" in result.output
