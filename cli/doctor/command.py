"""`sentientiq doctor`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import mesh
from cli.doctor.checks import NAMES, Report, examine
from cli.doctor.finding import Finding, Patient, State
from cli.errors import CliError

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Only the JSON line on standard output.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(NAMES),
    metavar="CHECK",
    help=f"Only this check; may be given again. One of: {', '.join(NAMES)}.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=mesh.DEFAULT_DATA,
    show_default=True,
    help="Data folder of `sentientiq up`.",
)
def command(as_json: bool, only: tuple[str, ...], data: Path) -> None:
    """Say what is fine and what is not, and how to mend it.

    Looks at this machine, at what is built, and, where the environment (SIQ_…) or a mesh that runs
    here names them, at engines and processes. Exits with 1 if a required check fails.
    """
    report = asyncio.run(examine(Patient(data=data), frozenset(only)))
    failed = [finding for finding in _all(report) if finding.state is State.FAIL]
    if not report:
        message = f"nothing to ask: no address of {', '.join(only)} is set, and no mesh runs here"
        raise CliError(message)
    if as_json:
        click.echo(json.dumps(as_object(report)))
    else:
        from rich.console import Console

        show(report, Console(highlight=False))
    raise SystemExit(1 if failed else 0)


def as_object(report: Report) -> dict[str, object]:
    """What `--json` prints."""
    return {
        "ok": all(finding.state is not State.FAIL for finding in _all(report)),
        "checks": [
            {
                "section": section,
                "name": finding.name,
                "state": finding.state.value,
                "found": finding.found,
                "mend": finding.mend,
            }
            for section, findings in report.items()
            for finding in findings
        ],
    }


def show(report: Report, console: Console) -> None:
    """Print the report for a person."""
    from rich.table import Table
    from rich.text import Text

    width = max(len(finding.name) for finding in _all(report))
    for section, findings in report.items():
        console.print(Text(section, style="bold"))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=6, justify="right")
        table.add_column(width=width)
        table.add_column(overflow="fold")
        for finding in findings:
            style = _STYLES[finding.state]
            word = finding.state.value
            word = word.upper() if finding.state is State.FAIL else word
            table.add_row(Text(word, style=style), finding.name, Text(finding.found))
            if finding.mend:
                table.add_row("", "", Text(f"→ {finding.mend}", style=style))
        console.print(table)
        console.print()
    console.print(_verdict(report))


def _verdict(report: Report) -> str:
    findings = list(_all(report))
    failed = sum(1 for finding in findings if finding.state is State.FAIL)
    warned = sum(1 for finding in findings if finding.state is State.WARN)
    if failed:
        return f"[bold red]{failed} of {len(findings)} to mend[/], {warned} that could be better."
    could = f", {warned} could be better" if warned else ""
    return f"[green]All that is required is fine[/]{could}."


def _all(report: Report) -> Iterable[Finding]:
    return (finding for findings in report.values() for finding in findings)
