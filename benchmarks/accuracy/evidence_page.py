"""`python -m benchmarks evidence`: docs/evidence.md, from recordings of real people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import click

from benchmarks import data
from benchmarks.accuracy import evidence, real

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAD: Final = """# What speaks from real people, and what only from the simulator

Written by `python -m benchmarks evidence --data DIR > docs/evidence.md`; do not edit.

How often each signal was marked in {hours} active hours of {sessions} recorded sessions of real
people: office work, visits of web sites, searches in shops, a slow map, choices in a laboratory.

*Measured on real people* means that it happened to them, so that false alarms an hour
(`python -m benchmarks accuracy`) count it. It does not mean that they were asked how they felt:
hardly anybody was. *Never seen on real people* means that all we know of the signal comes from
simulated visits, whose causes and shares are our assumptions (benchmarks/visitors/README.md), and
from visits that we wrote or performed ourselves (tests/cases). Its weight is a guess that no person
has confirmed, and every confidence, of either kind, is calibrated on simulated visits.
"""

Figures = dict[str, object]


def markdown(report: Mapping[str, object]) -> str:
    """Return the page."""
    head = HEAD.format(hours=report["active_hours"], sessions=report["sessions"])
    rows = [head, "| emotion | signal | sessions | their active hours | |", "|---|---|---|---|---|"]
    for emotion, signals in cast("dict[str, dict[str, Figures]]", report["signals"]).items():
        rows += [
            f"| {emotion} | `{name}` | {row['sessions']} | {row['active_hours']} | "
            f"{row['verdict']} |"
            for name, row in signals.items()
        ]
    return "\n".join(rows)


@click.command("evidence")
@data.data_option
def command(folder: Path | None) -> None:
    """Which signals were seen on real people at all, as docs/evidence.md says it."""
    found = evidence.Evidence()
    directory = data.find(folder)
    for name in real.STUDIES if directory is not None else ():
        if directory is not None and (directory / f"{name}.ndjson.gz").exists():
            study = real.read(directory, name)
            found.add(study, evidence.of_study(directory, study))
    click.echo(markdown(found.report()))
