"""A document that cannot be used is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.config import command


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        ("value", '{"tiers": {"growth": 10, "enterprise": 5}}', "tiers.enterprise: expected 10 to"),
        ("value", '{"horizon": 5}', "Object contains unknown field `horizon`"),
        ("rates", '{"rates": {"EUR": {"2026-01-01": -1}}}', "rates.EUR.2026-01-01: expected"),
        ("rates", "[]", "Expected `object`"),
        ("sdk", "[]", "expected a JSON object"),
        ("sdk", '{"sampling": NaN}', "not JSON: "),
        ("sdk", '{"sampling": 1e999}', "not JSON: "),
        ("sdk", r'{"note": "\ud800"}', "not JSON: "),
        ("sdk", '{"a":' * 9_999, "not JSON: "),
    ],
)
def test_a_bad_document_is_refused_by_field(
    kind: str, text: str, fault: str, tmp_path: Path
) -> None:
    file = tmp_path / "document.json"
    file.write_text(text)
    done = CliRunner().invoke(command, ["put", "acme", kind, str(file)])
    assert done.exit_code == 1
    assert fault in done.output
    assert str(file) in done.output
