"""The reports there are: one SQL file each in `reports/`, and what its head says.

    -- What it answers, in a sentence or two.
    -- default NAME: VALUE          makes a parameter optional
    -- chart KIND x=COLUMN y=COLUMN …   how it is drawn (cli/report/chart.py)
    --
    -- Anything else: how, and why so.

Parameters are ClickHouse's, `{name:Type}`. `{tenant:String}` is the caller's tenant and cannot be
given otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("reports")
TENANT: Final = "tenant"
ZONE: Final = "zone"
_PARAMETER = re.compile(r"\{(\w+):(\w+)")
_DEFAULT = re.compile(r"^-- default (\w+): (.*)$", re.MULTILINE)
_CHART = re.compile(r"^-- chart (\w+) (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Chart:
    """How a report is drawn: bars, lines or intervals, and which columns are what."""

    kind: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """A report as its file has it."""

    name: str
    meaning: str
    sql: str
    parameters: Mapping[str, str]
    """Type of each, as ClickHouse calls it."""
    defaults: Mapping[str, str]
    chart: Chart | None

    @property
    def summary(self) -> str:
        """The first sentence of its meaning."""
        return re.split(r"(?<=\.)\s", self.meaning, maxsplit=1)[0]


def load_reports(folder: Path = FOLDER) -> dict[str, Report]:
    """Read every report of a folder, by name."""
    return {path.stem: _parse(path.stem, path.read_text()) for path in sorted(folder.glob("*.sql"))}


def _parse(name: str, sql: str) -> Report:
    parameters = {name: kind for name, kind in _PARAMETER.findall(sql) if name != TENANT}
    found = _CHART.search(sql)
    chart = None
    if found is not None:
        pairs = (word.partition("=") for word in found[2].split())
        chart = Chart(found[1], {place: column for place, _, column in pairs})
    return Report(name, _meaning(sql), sql, parameters, dict(_DEFAULT.findall(sql)), chart)


def _meaning(sql: str) -> str:
    said: list[str] = []
    for line in sql.splitlines():
        if not line.startswith("-- ") or line.startswith(("-- default ", "-- chart ")):
            break
        said.append(line.removeprefix("-- "))
    return " ".join(said)
