"""Which reports somebody waits for."""

from __future__ import annotations

from typing import Final

from services.pipeline.report_files import Report, load_reports

PROOF: Final = "row_hashes"
"""Hashes each row whole, for `archive verify`: a proof, which takes its time, and no report."""


def waited_for() -> dict[str, Report]:
    """Every report but the proof, by name."""
    return {name: report for name, report in load_reports().items() if name != PROOF}
