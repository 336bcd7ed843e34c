"""`sentientiq transactions`: import what users paid."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import mesh
from cli.errors import CliError
from cli.options import data_option

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import IO

    from cli.transactions.sender import Sender, Tally


@click.group()
def command() -> None:
    """Import what users paid, which makes their value.

    Talks to SIQ_IDENTITY_ADDR with SIQ_MESH_SECRET, else to the mesh that runs on this machine.
    """


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tenant", required=True, help="Whose users they are.")
@click.option("--check", is_flag=True, help="Only read the file and say what is wrong with it.")
@click.option(
    "--most-faults",
    type=click.IntRange(0, 1_000),
    default=20,
    show_default=True,
    help="Lines at fault to name.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON line, last.")
@data_option("SIQ_IDENTITY_ADDR")
def import_(
    file: Path, tenant: str, check: bool, most_faults: int, as_json: bool, data: Path
) -> None:
    """Import FILE, CSV with a header; `.gz` is read as it is.

    \b
    transaction_id  yours; the same one again counts once
    user_id         as in identify
    amount          in major units, more than 0 for refunds too: 1234.50
    currency        ISO 4217: EUR
    occurred_at     ISO 8601, UTC where it names no zone: 2026-03-01T12:30:00Z
    kind            purchase (if empty), subscription, refund or chargeback
    refers_to       of a refund or chargeback: the transaction_id of the payment

    A line that cannot be used is named and stops nothing. An import that broke off is begun again
    by the same command: what is recorded counts as repeated. Ends with 1 if a line was refused.
    """
    from cli.transactions.rows import opened, read_rows
    from cli.transactions.sender import Sender

    with opened(file) as (raw, text), _progress(file) as advance:
        sender = Sender(read_rows(text), most_faults, lambda: advance(raw))
        tally = sender.check() if check else _send(sender, tenant, data)
    _report(tally, check=check, as_json=as_json)
    if tally.refused:
        raise SystemExit(1)


def _send(sender: Sender, tenant: str, data: Path) -> Tally:
    from cli.tenants import address_of, open_channel

    address, secret = address_of(data), mesh.mesh_secret(data)

    async def talk() -> Tally:
        async with open_channel(address, secret) as channel:
            return await sender.send(channel, tenant)

    try:
        return asyncio.run(talk())
    except CliError as error:
        if sender.tally.rows:
            raise CliError(
                f"{error.message}\nbroke off after {sender.tally.rows} lines: run the same command"
                " again, what is recorded counts as repeated"
            ) from error
        raise


@contextmanager
def _progress(file: Path) -> Generator[Callable[[IO[bytes]], None]]:
    """Show how far the file was read; it moves as fast as identity takes what is sent."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("import"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as progress:
        size = file.stat().st_size
        task = progress.add_task("import", total=size)
        yield lambda raw: progress.update(task, completed=raw.tell())
        progress.update(task, completed=size)


def _report(tally: Tally, *, check: bool, as_json: bool) -> None:
    for line, fault in tally.faults:
        click.echo(f"line {line}: {fault}", err=True)
    refused = sum(tally.refused.values())
    if refused > len(tally.faults):
        click.echo(f"… and {refused - len(tally.faults)} more lines at fault", err=True)
    if as_json:
        counts = {"recorded": tally.recorded, "repeated": tally.repeated}
        click.echo(json.dumps({"rows": tally.rows, **counts, "refused": dict(tally.refused)}))
        return
    reasons = "".join(f", {count} {reason}" for reason, count in sorted(tally.refused.items()))
    if check:
        click.echo(f"{tally.rows} rows{reasons}; nothing was sent")
    else:
        click.echo(f"{tally.recorded} recorded, {tally.repeated} known already{reasons}")
