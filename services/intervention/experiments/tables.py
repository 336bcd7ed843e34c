"""Units from a CSV file: a row a unit, as an export of the log or of a warehouse has them.

    unit,variant,exposed_at_ms,bought,revenue,before.revenue,share.control,share.chat

`unit` is told once. Every other column is an observation; one that begins with `before.` is the
same before the first exposure, empty where nothing is known. `share.VARIANT` is what each arm's
chance was where it was not the document's weight.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable

import numpy as np

from services.intervention.experiments.checks import Trial
from services.intervention.experiments.observed import Observed, in_order
from services.intervention.experiments.statistics.moments import Floats

_NEEDED = ("unit", "variant", "exposed_at_ms")


class TableError(ValueError):
    """The file cannot be used; the message names the line and the mend."""


def read_table(trial: Trial, lines: Iterable[str]) -> Observed:
    """Read the file.

    Raises:
        TableError: naming the line and the column.
    """
    rows = csv.DictReader(lines, restkey="", strict=True)
    try:
        header = list(rows.fieldnames or ())
        missing = [name for name in _NEEDED if name not in header]
        if missing:
            raise TableError(f"line 1: column {', '.join(missing)} is missing")
        columns = [name for name in header if name not in _NEEDED]
        arms: list[int] = []
        times: list[int] = []
        numbers: dict[str, list[float]] = {name: [] for name in columns}
        seen: set[str] = set()
        for row in rows:
            line = f"line {rows.line_num}"
            if None in row.values() or "" in row:
                raise TableError(f"{line}: expected {len(header)} fields, as in line 1")
            if row["unit"] in seen or not row["unit"]:
                raise TableError(f"{line}: unit: expected one not told before, was {row['unit']!r}")
            seen.add(row["unit"])
            if row["variant"] not in trial.names:
                raise TableError(
                    f"{line}: variant: expected {', '.join(trial.names)}, was {row['variant']!r}"
                )
            arms.append(trial.names.index(row["variant"]))
            times.append(int(_number(line, "exposed_at_ms", row["exposed_at_ms"])))
            for name in columns:
                empty = name.startswith("before.") and not row[name]
                numbers[name].append(math.nan if empty else _number(line, name, row[name]))
    except csv.Error as error:
        raise TableError(f"line {rows.line_num + 1}: {error}") from error
    arrays = {name: np.array(column, dtype=np.float64) for name, column in numbers.items()}
    before = {name[7:]: arrays[name] for name in columns if name.startswith("before.")}
    values = {name: arrays[name] for name in columns if not name.startswith(("before.", "share."))}
    return in_order(
        trial,
        np.array(arms, dtype=np.int64),
        np.array(times, dtype=np.int64),
        values,
        before,
        _shares(trial, arrays),
    )


def _shares(trial: Trial, arrays: dict[str, Floats]) -> Floats | None:
    told = [name for name in arrays if name.startswith("share.")]
    if not told:
        return None
    wanted = [f"share.{name}" for name in trial.names]
    if sorted(told) != sorted(wanted):
        raise TableError(f"line 1: expected the columns {', '.join(wanted)}, or none of them")
    shares = np.stack([arrays[name] for name in wanted], axis=1)
    bad = np.flatnonzero((np.abs(shares.sum(axis=1) - 1) > 1e-6) | (shares <= 0).any(axis=1))
    if bad.size:
        raise TableError(f"unit {bad[0] + 1}: shares must be above 0 and add up to 1")
    return shares


def _number(line: str, name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise TableError(f"{line}: {name}: expected a number, was {text[:40]!r}")
    return number
