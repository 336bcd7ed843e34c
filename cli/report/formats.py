"""An answer as a table, CSV, JSON, Parquet or a picture."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from cli.errors import CliError
from services.pipeline.arrow import parquet
from services.pipeline.report_files import Report


def require_chart(report: Report) -> None:
    """Say what a picture lacks, before anything is asked.

    Raises:
        CliError: it has no chart, or matplotlib is missing.
    """
    from cli.report import chart

    if report.chart is None:
        raise CliError(f"{report.name} has no chart: take --format table, csv, json or parquet")
    chart.require_extra()


def write(
    report: Report, table: Any, parameters: Mapping[str, str], as_format: str, out: Path | None
) -> None:
    """Write an answer, to a file or to standard output.

    Raises:
        CliError: the file cannot be written.
    """
    try:
        if as_format == "parquet":
            parquet.write_table(table, out)
        elif as_format == "png" and out is not None:
            from cli.report import chart

            chart.draw(out, report, table.to_pylist(), parameters)
        else:
            text = _TEXTS[as_format](report, table, parameters)
            if out is None:
                click.echo(text, nl=False)
            else:
                out.write_text(text)
    except OSError as error:
        raise CliError(f"{out}: {error.strerror or error}") from error


def _table(report: Report, table: Any, parameters: Mapping[str, str]) -> str:
    del report, parameters
    rows = [[_said(value) for value in row.values()] for row in table.to_pylist()]
    if not rows:
        return "no rows\n"
    columns = list(table.column_names)
    numbers = [_is_number(table.schema.field(name).type) for name in columns]
    widths = [
        max(len(name), *(len(row[place]) for row in rows)) for place, name in enumerate(columns)
    ]

    def line(cells: list[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numbers, strict=True)
        )
        return "  ".join(padded).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(columns), rule, *map(line, rows)]) + "\n"


def _csv(report: Report, table: Any, parameters: Mapping[str, str]) -> str:
    del report, parameters
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in table.to_pylist():
        writer.writerow(["" if value is None else _said(value) for value in row.values()])
    return text.getvalue()


def _json(report: Report, table: Any, parameters: Mapping[str, str]) -> str:
    document = {
        "report": report.name,
        "parameters": dict(parameters),
        "rows": [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()],
    }
    return json.dumps(document, ensure_ascii=False) + "\n"


_TEXTS = {"table": _table, "csv": _csv, "json": _json}


def _is_number(kind: Any) -> bool:
    return str(kind).startswith(("int", "uint", "float", "double", "decimal"))


def _said(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return " ".join(str(one) for one in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


def _plain(value: Any) -> Any:
    """What JSON can hold: exact decimals stay exact, as text."""
    if isinstance(value, (datetime, date, Decimal)):
        return _said(value)
    return value
