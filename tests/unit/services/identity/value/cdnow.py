"""The CDNOW sample as the models take it; see tests/fixtures/cdnow/README.md."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from services.identity.value.bgnbd import Histories
from services.identity.value.numeric import Floats

_FILE = Path(__file__).parents[4] / "fixtures" / "cdnow" / "purchases.csv.gz"
_BEFORE = date(1996, 12, 31)
CALIBRATION_END = date(1997, 9, 30)
WEEKS = 39.0


@dataclass(frozen=True, slots=True)
class Cdnow:
    """Customers to the end of week 39, and what they did in weeks 40 to 78."""

    histories: Histories
    mean_repeat: Floats
    """What a day of buying costs, without the first, as Fader & Hardie (2013) take it."""
    first: Floats
    """Week of the first purchase."""
    held_out: Floats
    """Days of buying in weeks 40 to 78."""
    mean: Floats
    """What a day of buying costs, the first too, as values take it."""
    paid_later: Floats
    """In weeks 40 to 78."""


def load() -> Cdnow:
    """Read the sample."""
    purchases: defaultdict[str, list[tuple[date, float]]] = defaultdict(list)
    with gzip.open(_FILE, "rt", newline="") as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row["date"])
            purchases[row["customer"]].append((day, float(row["spend"])))
    rows = [_customer(sorted(of_one)) for of_one in purchases.values()]
    columns = (np.array(column) for column in zip(*rows, strict=True))
    repeats, last, age, mean_repeat, first, held_out, mean, later = columns
    return Cdnow(Histories(repeats, last, age), mean_repeat, first, held_out, mean, later)


def _customer(purchases: list[tuple[date, float]]) -> tuple[float, ...]:
    first = purchases[0][0]
    days = sorted({day for day, _ in purchases if day <= CALIBRATION_END})
    later = {day for day, _ in purchases if day > CALIBRATION_END}
    paid = sum(spend for day, spend in purchases if first < day <= CALIBRATION_END)
    return (
        len(days) - 1.0,
        (days[-1] - first).days / 7,
        (CALIBRATION_END - first).days / 7,
        paid / max(len(days) - 1, 1),
        (first - _BEFORE).days / 7,
        float(len(later)),
        sum(spend for day, spend in purchases if day <= CALIBRATION_END) / len(days),
        sum(spend for day, spend in purchases if day > CALIBRATION_END),
    )
