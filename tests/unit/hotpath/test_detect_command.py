"""`sentientiq detect`, as a person or a script runs it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.detect import command
from hotpath.model_file import read_default

CASES = Path(__file__).parents[2] / "cases"
DEAD = CASES / "dead_button_3x250.ndjson"


def _run(*args: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(command, [str(arg) for arg in args], input=stdin)


def _lines(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_emotion_is_said_as_the_contract_says() -> None:
    (line,) = _lines(_run(DEAD))
    assert list(line) == [
        "session", "stream", "id", "rev", "t", "emotion", "confidence", "trigger", "model",
        "evidence", "context",
    ]  # fmt: skip
    assert line["evidence"] == [2, 3, 4]
    assert line["t"] == 1_700_000_002_500
    assert line["confidence"] == 85
    assert line["model"] == read_default()["rage"].version
    assert line["context"] == {"page": "/shop", "element": "button#buy"}


def test_several_files_are_named_and_do_not_mix() -> None:
    lines = _lines(_run(DEAD, DEAD, CASES / "working_stepper.ndjson"))
    assert [line["file"] for line in lines] == [str(DEAD), str(DEAD)]
    assert lines[0] == lines[1]


def test_json_ends_with_the_summary() -> None:
    *_, last = _lines(_run(DEAD, "--json"))
    summary = last["summary"]
    assert isinstance(summary, dict)
    assert {"sessions": 1, "events": 5, "emotions": 1, "dropped": 0}.items() <= summary.items()
    assert summary["rage_alarms_per_active_hour"] > 0


def test_what_was_taken_back_is_no_alarm() -> None:
    path = CASES / "comes_back_and_gives_up_after_all.ndjson"
    *lines, last = _lines(_run(path, "--json"))
    assert len({line["id"] for line in lines}) == 2
    assert "abandonment_cancelled" in [line["trigger"] for line in lines]
    summary = last["summary"]
    assert isinstance(summary, dict)
    assert (summary["abandonment_alarms"], summary["emotions"]) == (1, 1)


def test_a_lower_threshold_makes_no_alarms() -> None:
    *lines, last = _lines(_run(CASES / "working_stepper.ndjson", "--threshold", 0, "--json"))
    assert lines
    summary = last["summary"]
    assert isinstance(summary, dict)
    assert summary["emotions"] == 0


def test_scores_come_at_each_sessions_end() -> None:
    lines = _lines(_run(CASES / "working_stepper.ndjson", "--scores"))
    assert lines == [
        {
            "session": "working_stepper",
            "scores": {
                "rage": 3, "hesitation": 0, "confusion": 0, "abandonment": 0, "unanswered": 0,
            },
            "automated": False,
        }
    ]  # fmt: skip


def test_explain_adds_the_terms() -> None:
    (line,) = _lines(_run(DEAD, "--explain"))
    assert line["contributions"] == {"prior": -2.2, "presses": 1.2, "unanswered_presses": 2.2}
    assert str(line["explanation"]).startswith("Rage (85 %): 3 presses on button#buy in 0.5 s;")


def test_threshold_is_obeyed() -> None:
    assert _lines(_run(DEAD, "--threshold", 86)) == []


def test_stripped_flag_no_longer_excuses_silence() -> None:
    case = CASES / "unobserved_burst.ndjson"
    assert _lines(_run(case)) == []
    assert _lines(_run(case, "--strip-flag", "unobserved")) != []


@pytest.mark.parametrize(("idle", "alarms"), [(0, 0), (120, 1)])
def test_time_goes_on_after_the_last_line(idle: int, alarms: int) -> None:
    presses = [
        {"session": "s", "t": 1000 + 90 * i, "type": "click", "x": 1, "y": 1, "target": "b",
         "flags": ["button"]}
        for i in range(3)
    ]  # fmt: skip
    text = "".join(json.dumps(press) + "\n" for press in presses).encode()
    assert len(_lines(_run("-", "--idle-after", idle, stdin=text))) == alarms


def test_standard_input_and_gzip_are_read() -> None:
    plain = _run("-", stdin=DEAD.read_bytes())
    packed = _run("-", stdin=gzip.compress(DEAD.read_bytes()))
    assert plain.stdout == packed.stdout == _run(DEAD).stdout


def test_people_get_a_summary_beside_the_data() -> None:
    assert "1 sessions, 5 events" in _run(DEAD).stderr


def test_unusable_input_names_file_line_and_mend(tmp_path: Path) -> None:
    bad = tmp_path / "bad.ndjson"
    bad.write_text('{"session":"s","t":1,"type":"copy"}\n{"session":"s"}\n')
    for path, where in ((bad, f"{bad}:2: "), (tmp_path / "none", str(tmp_path / "none"))):
        result = _run(path, "--json")
        assert result.exit_code == 2
        assert where in result.stderr
        assert "expected" in result.stderr
        assert result.stdout == ""
