"""Results as a table on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from benchmarks.acceptance.check import Check, Result

_WORDS: Final = {True: ("kept", "green"), False: ("missed", "red"), None: ("", None)}


def show(name: str, title: str, result: Result) -> None:
    """Print what a scenario found."""
    word, color = _WORDS[result.kept]
    click.secho(f"\n{name}  {title}: {word}", bold=True, fg=color)
    click.echo(f"  {result.load}")
    for check in result.checks:
        _row(check)
    for why in result.doubts:
        click.secho(f"  do not quote these figures: {why}", fg="yellow")


def _row(check: Check) -> None:
    word, color = _WORDS[check.kept]
    click.echo(f"  {check.what:46}{check.asked:>22}  {check.measured:>32}  ", nl=False)
    click.secho(word, fg=color)
