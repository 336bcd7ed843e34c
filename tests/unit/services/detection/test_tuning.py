"""A tenant's detection document: read, or refused with what would mend it."""

from __future__ import annotations

import pytest

from services.detection.tuning import NEVER, Tuning, TuningError, parse


def test_a_document_is_read() -> None:
    body = b'{"threshold": {"rage": 70, "confusion": 0}, "off": ["hesitation"], "ignore": ["a#b"]}'
    assert parse(body) == Tuning(
        {"rage": 70, "confusion": 0, "hesitation": NEVER}, frozenset({"a#b"})
    )


def test_off_beats_a_threshold_and_an_empty_document_changes_nothing() -> None:
    assert parse(b'{"threshold": {"rage": 70}, "off": ["rage"]}').thresholds == {"rage": NEVER}
    assert parse(b"{}") == Tuning()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "expected JSON"),
        (b"[]", "the keys are threshold, off and ignore"),
        (b'{"treshold": {}}', "treshold"),
        (b'{"threshold": {"fury": 1}}', "'fury' is none of rage, hesitation"),
        (b'{"off": ["fury"]}', "off: 'fury' is none of"),
        (b'{"threshold": {"rage": 101}}', "threshold.rage: expected 0 to 100, was 101"),
        (b'{"threshold": {"rage": 0.5}}', r"\$.threshold"),
        (b'{"ignore": [""]}', "one is empty"),
        (b'{"ignore": "button#like"}', r"\$.ignore"),
    ],
)
def test_a_document_that_means_nothing_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(TuningError, match=why):
        parse(body)
