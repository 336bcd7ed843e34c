"""`sentientiq report NAME`: a command for each report there is, made from its SQL file's head.

What is no report of analytics has a module of its own and stands in `_OTHERS`.
"""

from __future__ import annotations

import importlib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.errors import CliError
from cli.options import data_option

if TYPE_CHECKING:
    from services.pipeline.report_files import Report

FORMATS: Final = ("table", "csv", "json", "parquet", "png")
_BINARY: Final = ("parquet", "png")
_OTHERS: Final = {
    "cost": (
        "cli.report.cost:cost",
        "What leaving people alone cost, or what is missing to tell.",
    ),
    "scorecard": ("cli.report.scorecard:command", "What became of what the team was asked."),
    "weekly": ("cli.report.weekly:command", "The weekly mails, written to files; none is sent."),
}
_METAVARS: Final = {
    "Date": "YYYY-MM-DD",
    "DateTime64": "'YYYY-MM-DD HH:MM:SS'",
    "UInt32": "NUMBER",
}
_MEANINGS: Final = {
    "zone": "IANA time zone of days and weeks.",
    "from": "First day, in the zone.",
    "to": "Day after the last, in the zone.",
    "as_of": "Counted up to the beginning of this day; one to come means now.",
    "limit": "Most rows.",
    "goal": "Name of the tracked event that counts as success.",
    "within_hours": "How long after the decision an order counts.",
    "within_minutes": "How long after the first step the last one counts.",
    "min_units": "Fewest units on either side for a figure to be told.",
    "min_paying": "Fewest units that paid, on either side.",
    "steps": "page:PATH or track:NAME, commas between them.",
    "emotion": "Which emotion.",
    "wrong": "Reasons of declining that mean it was no such emotion, commas between them.",
}


class _Reports(click.Group):
    """Knows every report by its file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted({*_load(), *_OTHERS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name in _OTHERS:
            module, _, name = _OTHERS[cmd_name][0].partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        found = _load().get(cmd_name)
        return None if found is None else _command_of(found)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise CliError(f"no report {name!r}; there are: {', '.join(self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        told = {name: report.summary for name, report in _load().items()}
        told |= {name: text for name, (_, text) in _OTHERS.items()}
        with formatter.section("Reports"):
            formatter.write_dl(sorted(told.items()))


@click.group(cls=_Reports)
def command() -> None:
    """What was felt, what helped, what it was worth (docs/reports.md).

    Asks the pipeline at SIQ_PIPELINE_ADDR with SIQ_MESH_SECRET, else the mesh that runs on this
    machine. `sentientiq report NAME --help` explains a report and its parameters.
    """


def _load() -> dict[str, Report]:
    from services.pipeline.report_files import load_reports

    return load_reports()


def _command_of(report: Report) -> click.Command:
    def run(tenant: str, as_format: str, out: Path | None, data: Path, **given: Any) -> None:
        from cli.report import formats
        from cli.report.asking import ask

        if as_format in _BINARY and out is None:
            raise CliError(f"--format {as_format} is no text: name a file with --out")
        if as_format == "png":
            formats.require_chart(report)
        chosen = {
            name: value.isoformat() if isinstance(value, date) else str(value)
            for name, value in given.items()
            if value is not None
        }
        # click calls a parameter whose name is a word of Python's by another one.
        chosen = {name.removesuffix("_"): value for name, value in chosen.items()}
        table = ask(data, tenant, report.name, chosen)
        formats.write(report, table, {**report.defaults, **chosen}, as_format, out)

    options: list[click.Parameter] = [
        click.Option(["--tenant"], required=True, help="Whose."),
        *(_option(report, name) for name in report.parameters),
        click.Option(
            ["--format", "as_format"],
            type=click.Choice(FORMATS),
            default="table",
            show_default=True,
            help="How it is written.",
        ),
        click.Option(
            ["--out"],
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write to this file.",
        ),
    ]
    made = click.Command(report.name, params=options, callback=run, help=report.meaning)
    command: click.Command = data_option("SIQ_PIPELINE_ADDR")(made)
    return command


def _option(report: Report, name: str) -> click.Option:
    default = report.defaults.get(name)
    return click.Option(
        [f"--{name.replace('_', '-')}", f"{name}_" if name == "from" else name],
        required=default is None,
        metavar=_METAVARS.get(report.parameters[name], "TEXT"),
        help=_MEANINGS.get(name, "") + (f"  [default: {default}]" if default is not None else ""),
    )
