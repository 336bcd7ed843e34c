"""Labels that the team gave: `NAME.feedback.csv`, as `sentientiq recommendations labels` writes it.

The score of each emotion stands in the file, so no recording is needed. Only what became a
recommendation is asked about: such labels say how right the alarms are, not how many were missed.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from cli.errors import CliError

FEEDBACK_SUFFIX: Final = ".feedback.csv"
_HEADER: Final = ("session", "id", "emotion", "confidence", "log_odds", "calibration", "right")


class Said(NamedTuple):
    """An emotion, its score, and what people said of it."""

    session: str
    id: str
    emotion: str
    confidence: int
    log_odds: float
    calibration: str
    right: bool


def write_feedback(path: Path, said: Iterable[Said]) -> int:
    """Write a file of labels. Returns how many."""
    rows = sorted(one for one in said if one.id and one.emotion)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEADER)
        for one in rows:
            writer.writerow((*one[:-1], "yes" if one.right else "no"))
    return len(rows)


def read_feedback(path: Path) -> list[Said]:
    """Read what `write_feedback` wrote.

    Raises:
        CliError: the file is not of this format.
    """
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != _HEADER:
        raise CliError(f"{path}:1: expected the header {','.join(_HEADER)}")
    return [_said(path, number, row) for number, row in enumerate(rows, 2)]


def _said(path: Path, number: int, row: dict[str, str]) -> Said:
    try:
        log_odds, confidence = float(row["log_odds"]), int(row["confidence"])
    except (TypeError, ValueError) as error:
        raise CliError(f"{path}:{number}: `log_odds` and `confidence` are numbers") from error
    if not math.isfinite(log_odds) or row["right"] not in ("yes", "no"):
        raise CliError(f"{path}:{number}: `log_odds` is finite, and `right` is yes or no")
    return Said(
        row["session"],
        row["id"],
        row["emotion"],
        confidence,
        log_odds,
        row["calibration"],
        row["right"] == "yes",
    )
