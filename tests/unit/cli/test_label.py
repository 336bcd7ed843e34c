"""`sentientiq label`: asked once about each emotion, and gone on with where one stopped."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.label import command, labels_path

CASES = Path(__file__).parents[2] / "cases"
HEADER = "session,id,emotion,confidence,right\n"


@pytest.fixture
def recordings(tmp_path: Path) -> list[str]:
    names = ("dead_button_3x250", "dead_div_6x200", "dead_button_5x900")
    return [str(shutil.copy(CASES / f"{name}.ndjson", tmp_path)) for name in names]


def label(keys: str, *words: str) -> Result:
    result = CliRunner().invoke(command, list(words), input=keys)
    assert result.exit_code == 0, result.output
    return result


def rights(recording: str) -> list[str]:
    return [line.rpartition(",")[2] for line in labels_path(recording).read_text().splitlines()[1:]]


def test_one_is_shown_what_was_seen_and_asked(recordings: list[str]) -> None:
    result = label("r\n", recordings[0])
    assert "Rage (85 %): 3 presses on button#buy in 0.5 s;" in result.output
    assert "2     +0.00 s  click button#buy x=300 y=200" in result.output
    text = labels_path(recordings[0]).read_text()
    assert text.startswith(HEADER + "dead_button_3x250,")
    assert text.endswith(",rage,85,yes\n")


def test_answers_are_kept_and_not_asked_again(recordings: list[str]) -> None:
    label("wrong\nq\n", *recordings)
    assert rights(recordings[0]) == ["no"]
    assert not labels_path(recordings[1]).exists()
    result = label("s\nr\n", *recordings)
    assert f"{recordings[0]}: 1 emotions, 1 labelled before" in result.output
    assert [rights(path) for path in recordings] == [["no"], [""], ["yes"]]
    assert "uit?" not in label("", *recordings).output


def test_another_key_is_asked_again_and_the_end_of_input_quits(recordings: list[str]) -> None:
    result = label("x\n\n", recordings[0])
    assert result.output.count("[r]ight") == 3
    assert not labels_path(recordings[0]).exists()


def test_a_file_of_other_labels_is_refused(recordings: list[str]) -> None:
    labels_path(recordings[0]).write_text("file,rage\na,1\n")
    result = CliRunner().invoke(command, [recordings[0]], input="r\n")
    assert result.exit_code == 1
    assert "expected the header session,id,emotion" in result.output


def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.ndjson"
    bad.write_text("{")
    result = CliRunner().invoke(command, [str(bad)])
    assert result.exit_code == 1
    assert f"{bad}:1: not JSON" in result.output


def test_nobody_is_asked_about_what_was_taken_back(tmp_path: Path) -> None:
    case = CASES / "comes_back_and_gives_up_after_all.ndjson"
    recording = str(shutil.copy(case, tmp_path))
    result = label("r\nr\n", recording)
    assert f"{recording}: 1 emotions, 0 labelled before" in result.output
    assert "taken back" not in result.output
    assert rights(recording) == ["yes"]
