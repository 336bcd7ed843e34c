"""`sentientiq config put TENANT company FILE`: checked before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import cli.main


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ('{"companies": {"gmail.com": "acme.example"}}', "companies: anybody gets an address"),
        ('{"company": {}}', "unknown field `company`"),
        ("companies = {}", "expected JSON"),
    ],
)
def test_mistakes_are_told_with_the_field(document: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "company.json"
    file.write_text(document)
    done = CliRunner().invoke(cli.main.main, ["config", "put", "t1", "company", str(file)])
    assert done.exit_code == 1
    assert f"{file}: " in done.output
    assert words in done.output
