"""What is not installed is named, with what installs it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import extras
from cli.errors import CliError
from cli.experiment.command import command


def test_what_is_there_is_no_matter() -> None:
    extras.require("click", "anything")


def test_the_mend_is_named() -> None:
    with pytest.raises(CliError, match=r"no_such_library .*`pip install 'sentientiq\[some\]'`"):
        extras.require("no_such_library", "some")


@pytest.mark.parametrize(
    "words", ["simulate", "plan DOC name --baseline 1 --per-day 5", "report x"]
)
def test_experiments_say_so_before_they_begin(
    words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    document = tmp_path / "experiments.yaml"
    document.write_text("")

    def nothing(name: str) -> None:
        """Nothing is installed."""

    monkeypatch.setattr(importlib.util, "find_spec", nothing)
    done = CliRunner().invoke(command, words.replace("DOC", str(document)).split())
    assert done.exit_code == 1
    assert "pip install 'sentientiq[experiments]'" in done.output
