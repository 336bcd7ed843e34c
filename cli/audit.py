"""`sentientiq audit`: verify the audit chains, and read them.

Both read PostgreSQL directly: an auditor need not trust the service that wrote the records.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli import identity_store
from cli.errors import CliError
from cli.options import data_option

if TYPE_CHECKING:
    from services.common.audit.anchors import Anchors
    from services.common.audit.verify import Verified

T = TypeVar("T")

_data = data_option("SIQ_POSTGRES_URL")


@click.group()
def command() -> None:
    """Verify and read the audit chains of identity, one a tenant (docs/audit.md).

    Reads SIQ_POSTGRES_URL with the key of SIQ_SEALING_KEY_FILE, else the mesh that runs on this
    machine.
    """


@command.command()
@click.argument("tenant", required=False)
@click.option(
    "--anchors",
    "anchor_files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A file of anchors, or a log of identity: finds a tail that was cut off. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON line, last.")
@_data
def verify(tenant: str | None, anchor_files: tuple[Path, ...], as_json: bool, data: Path) -> None:
    """Follow TENANT's chain, or every chain, and name the first bad record of each.

    Ends with 1 if a record was changed, removed, inserted or moved. The mesh's own chain is '*'.
    """
    anchors = _read_anchors(anchor_files or identity_store.anchor_files(data), tenant)
    began = time.perf_counter()
    done = _verified(identity_store.of(data), anchors, tenant)
    seconds = round(time.perf_counter() - began, 3)
    for fault in done.faults:
        click.echo(f"{fault.tenant_id}: record {fault.sequence}: {fault.reason}", err=True)
    if as_json:
        faults = [
            {"tenant": fault.tenant_id, "sequence": fault.sequence, "reason": fault.reason}
            for fault in done.faults
        ]
        counts = {"records": done.records, "chains": done.chains, "anchors": done.anchors}
        click.echo(json.dumps({**counts, "seconds": seconds, "faults": faults}))
    else:
        click.echo(
            f"{done.records} records in {done.chains} chains, {done.anchors} of them anchored:"
            f" {f'{len(done.faults)} chains are bad' if done.faults else 'as they were written'}"
        )
        if not done.anchors:
            click.echo("no anchor was read, so a tail that was cut off cannot be seen", err=True)
    if done.faults:
        raise SystemExit(1)


@command.command("list")
@click.argument("tenant")
@click.option("--action", default="", help="Only records of this action, for example person.put.")
@click.option("--subject", default="", help="Only records about this subject.")
@click.option("--last", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@_data
def list_(tenant: str, action: str, subject: str, last: int, as_json: bool, data: Path) -> None:
    """Show TENANT's newest records, oldest of them first."""

    async def read(connection: Any) -> list[Any]:
        rows: list[Any] = await connection.fetch(
            "SELECT * FROM audit_records WHERE tenant_id = $1 AND ($2 = '' OR action = $2)"
            " AND ($3 = '' OR subject = $3) ORDER BY sequence DESC LIMIT $4",
            tenant,
            action,
            subject,
            last,
        )
        return rows[::-1]

    for row in _asked(identity_store.of(data), read):
        at = datetime.fromtimestamp(row["at_us"] / 1_000_000, UTC).isoformat()
        if as_json:
            shown = {**dict(row), "at": at, "previous": row["previous"].hex()}
            shown |= {"hash": row["hash"].hex(), "detail": json.loads(row["detail"] or "{}")}
            click.echo(json.dumps(shown))
            continue
        words = [str(row["sequence"]), at, f"{row['actor']} ({row['role']})", row["action"]]
        words += [row[name] for name in ("subject", "purpose", "detail") if row[name]]
        click.echo("  ".join(words))


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_data
def certificate(file: Path, data: Path) -> None:
    """Verify an erasure's certificate in FILE: its signature, and that the audit has its record.

    Ends with 1 if either does not hold. `audit verify` then says whether the chain does.
    """
    from services.identity.privacy.certificate import (
        BadCertificate,
        Certificate,
        Signer,
        read_certificate,
    )

    store = identity_store.of(data)
    try:
        told = json.loads(file.read_text())
        held = Certificate(bytes.fromhex(told["certificate"]), bytes.fromhex(told["signature"]))
        # The key that stands in the file would verify whatever it signed.
        body = read_certificate(held, Signer(store.sealing_secret()).public_key)
    except (ValueError, KeyError, TypeError) as error:
        reason = error if isinstance(error, BadCertificate) else "it is no certificate"
        raise CliError(f"{file}: {reason}") from error

    async def read(connection: Any) -> list[Any]:
        rows: list[Any] = await connection.fetch(
            "SELECT 1 FROM audit_records WHERE tenant_id = $1 AND sequence = $2 AND hash = $3"
            " AND action = 'subject.erase'",
            body["tenant"],
            body["audit"]["sequence"],
            bytes.fromhex(body["audit"]["hash"]),
        )
        return rows

    if not _asked(store, read):
        raise CliError(f"{file}: the audit of {body['tenant']} has no such record")
    click.echo(json.dumps(body, indent=1))


def _read_anchors(files: tuple[Path, ...], tenant: str | None) -> Anchors:
    from services.common.audit.anchors import read_anchors

    found: Anchors = {}
    for file in files:
        with file.open() as lines:
            for one, heads in read_anchors(lines).items():
                known = found.setdefault(one, {})
                for sequence, digest in heads.items():
                    if known.setdefault(sequence, digest) != digest:
                        raise CliError(
                            f"{file}: record {sequence} of {one} is anchored twice with different"
                            " hashes: one of the chains was forged"
                        )
    return found if tenant is None else {tenant: found.get(tenant, {})}


def _verified(store: identity_store.Store, anchors: Anchors, tenant: str | None) -> Verified:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from services.common.audit.verify import verify as follow
    from services.identity.privacy.derive import audit_key

    key = audit_key(store.sealing_secret())
    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("verify {task.completed:,.0f} records"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("verify", total=None)

        async def read(connection: Any) -> Verified:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await follow(
                    connection, key, anchors, tenant, lambda count: progress.advance(task, count)
                )

        return _asked(store, read)


def _asked(store: identity_store.Store, call: Callable[[Any], Awaitable[T]]) -> T:
    async def talk() -> T:
        async with store.connection() as connection:
            return await call(connection)

    return asyncio.run(talk())
