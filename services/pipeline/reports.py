"""Answers named reports (report_files.py), for one tenant at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.common.errors import InvalidArgument, NotFound, Unavailable
from services.pipeline.analytics import Analytics, AnalyticsError
from services.pipeline.arrow import pa
from services.pipeline.report_files import TENANT, ZONE, load_reports

# ClickHouse: a value that does not parse as its type, in the ways it says so.
_BAD_VALUE_CODES = frozenset({6, 26, 27, 36, 38, 41, 69, 72, 131, 321, 457})


@dataclass(frozen=True, slots=True)
class Table:
    """An answer: an Arrow IPC stream and how many rows it has."""

    arrow: bytes
    rows: int


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
        unknown = sorted(given.keys() - report.parameters.keys())
        missing = sorted(report.parameters.keys() - values.keys())
        if unknown or missing:
            takes = ", ".join(sorted(report.parameters)) or "none"
            wrong = f"unknown {unknown}" if unknown else f"missing {missing}"
            raise InvalidArgument(f"parameters of {name!r}: {wrong}; it takes {takes}")
        if ZONE in values:
            _require_zone(values[ZONE])
        try:
            arrow = await self._analytics.query(report.sql, {**values, TENANT: tenant_id})
        except AnalyticsError as error:
            if error.code in _BAD_VALUE_CODES:
                raise InvalidArgument(f"a parameter of {name!r} does not fit its type") from error
            raise Unavailable(f"analytics did not answer {name!r}; try again") from error
        return Table(arrow, pa.ipc.open_stream(arrow).read_all().num_rows)


def _require_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise InvalidArgument(
            f"zone {name[:64]!r} is no time zone: expected a name such as Europe/Berlin"
        ) from error
