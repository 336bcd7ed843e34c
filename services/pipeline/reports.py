"""Named reports: one SQL file each in `reports/`, its parameters in ClickHouse's `{name:Type}`.

`{tenant:String}` is the caller's tenant and cannot be given otherwise. A line
`-- default NAME: VALUE` makes a parameter optional.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.common.errors import InvalidArgument, NotFound, Unavailable
from services.pipeline.analytics import Analytics, AnalyticsError
from services.pipeline.arrow import pa

_FOLDER = Path(__file__).with_name("reports")
_TENANT = "tenant"
_PARAMETER = re.compile(r"\{(\w+):")
_DEFAULT = re.compile(r"^-- default (\w+): (.*)$", re.MULTILINE)
# ClickHouse: a value that does not parse as its type, in the ways it says so.
_BAD_VALUE_CODES = frozenset({6, 26, 27, 38, 41, 69, 72, 131, 321, 457})


@dataclass(frozen=True, slots=True)
class Report:
    """A report as its file has it."""

    name: str
    sql: str
    parameters: frozenset[str]
    defaults: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """An answer: an Arrow IPC stream and how many rows it has."""

    arrow: bytes
    rows: int


def load_reports(folder: Path = _FOLDER) -> dict[str, Report]:
    """Read every report of a folder, by name."""
    return {path.stem: _parse(path.stem, path.read_text()) for path in sorted(folder.glob("*.sql"))}


def _parse(name: str, sql: str) -> Report:
    parameters = frozenset(_PARAMETER.findall(sql)) - {_TENANT}
    return Report(name, sql, parameters, dict(_DEFAULT.findall(sql)))


class Reports:
    """Runs reports for one tenant at a time."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics
        self._reports = load_reports()

    async def run(self, tenant_id: str, name: str, given: Mapping[str, str]) -> Table:
        """Answer a report.

        Raises:
            NotFound: no report of that name; the message names those there are.
            InvalidArgument: a parameter is missing, unknown or malformed.
            Unavailable: the engine did not answer.
        """
        report = self._reports.get(name)
        if report is None:
            raise NotFound(f"no report {name!r}; there are: {', '.join(self._reports)}")
        values = {**report.defaults, **given}
        unknown = sorted(given.keys() - report.parameters)
        missing = sorted(report.parameters - values.keys())
        if unknown or missing:
            takes = ", ".join(sorted(report.parameters)) or "none"
            wrong = f"unknown {unknown}" if unknown else f"missing {missing}"
            raise InvalidArgument(f"parameters of {name!r}: {wrong}; it takes {takes}")
        try:
            arrow = await self._analytics.query(report.sql, {**values, _TENANT: tenant_id})
        except AnalyticsError as error:
            if error.code in _BAD_VALUE_CODES:
                raise InvalidArgument(f"a parameter of {name!r} does not fit its type") from error
            raise Unavailable(f"analytics did not answer {name!r}; try again") from error
        return Table(arrow, pa.ipc.open_stream(arrow).read_all().num_rows)
