"""Rotation of the keys that encrypt personal data, on PostgreSQL and the file of keys directly."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cli import identity_store
from cli.errors import CliError

if TYPE_CHECKING:
    from services.common.audit.record import Entry
    from services.identity.privacy.keks import Keks

T = TypeVar("T")
_WORK = Callable[[Any, "Keks", Callable[[int], None]], Awaitable[T]]
_KEKS = "kek.json"
"""The file in the data folder of `sentientiq up`."""


def rotate_keks(data: Path, *, keep: bool, retire: bool) -> tuple[int, list[str]]:
    """Wrap every tenant's keys anew; returns how many, and the keys that were retired.

    Raises:
        CliError: naming the mend.
    """
    from services.common.audit.record import MESH, Entry
    from services.identity.privacy import keks as files
    from services.identity.privacy.rotate import keks_in_use, rewrap_tenant_keys

    file = _kek_file(data)
    if not keep or retire:
        if file is None:
            raise CliError(
                "there is no file of keys: start identity with SIQ_KEK_FILE, which makes one;"
                " a key service rotates its own keys, then use --keep"
            )
        if not keep:
            _or_say(lambda: files.add_key(file))

    async def work(
        connection: Any, keks: Keks, advance: Callable[[int], None]
    ) -> tuple[int, list[str]]:
        count = await rewrap_tenant_keys(connection, keks, advance)
        in_use = await keks_in_use(connection)
        retired = files.retire_keys(file, in_use) if retire and file is not None else []
        detail = {"active": await keks.active(), "keys": count, "retired": retired}
        await _record(connection, data, MESH, Entry("kek.rotate", detail=detail))
        return count, retired

    return _run(data, "keys of tenants", work)


def rotate_data_key(data: Path, tenant_id: str) -> int:
    """Give a tenant a new data key; returns how many keys it wraps.

    Raises:
        CliError: there is no such tenant.
    """
    from services.common.audit.record import Entry
    from services.identity.privacy.rotate import rotate_tenant_key

    async def work(connection: Any, keks: Keks, advance: Callable[[int], None]) -> int:
        known: Any = await connection.fetchval(
            "SELECT 1 FROM tenants WHERE tenant_id = $1", tenant_id
        )
        if known is None:
            raise CliError(f"there is no tenant {tenant_id!r}")
        count = await rotate_tenant_key(connection, keks, tenant_id, advance)
        entry = Entry("tenant_key.rotate", detail={"keys": count})
        await _record(connection, data, tenant_id, entry)
        return count

    return _run(data, "keys of subjects", work)


async def _record(connection: Any, data: Path, tenant_id: str, entry: Entry) -> None:
    from services.common.audit.writer import Actor, AuditWriter
    from services.identity.privacy.derive import audit_key

    writer = AuditWriter(audit_key(identity_store.of(data).sealing_secret()), "cli")
    async with connection.transaction():
        await writer.append(connection, tenant_id, entry, actor=Actor("cli", "operator"))


def _kek_file(data: Path) -> Path | None:
    """SIQ_KEK_FILE, else that of the mesh that runs on a data folder."""
    if named := os.environ.get("SIQ_KEK_FILE"):
        return Path(named)
    own = data / _KEKS
    # Another identity's database has nothing to do with the keys that lie here.
    return own if own.exists() and "SIQ_POSTGRES_URL" not in os.environ else None


def _or_say(call: Callable[[], object]) -> None:
    from services.identity.privacy.keks import KekError

    try:
        call()
    except KekError as error:
        raise CliError(str(error)) from error
    except OSError as error:
        raise CliError(f"SIQ_KEK_FILE cannot be written: {error}; see --keep") from error


def _run(data: Path, what: str, work: _WORK[T]) -> T:
    from services.identity.privacy.aead import PiiError
    from services.identity.privacy.keks import KekError, open_keks

    store = identity_store.of(data)
    file = _kek_file(data)
    try:
        keks = open_keks(
            store.sealing_secret(), str(file) if file else "", os.environ.get("SIQ_KMS", "")
        )

        async def talk(advance: Callable[[int], None]) -> T:
            async with store.connection() as connection:
                return await work(connection, keks, advance)

        with _progress(what) as advance:
            return asyncio.run(talk(advance))
    except (KekError, PiiError) as error:
        raise CliError(str(error)) from error


@contextmanager
def _progress(what: str) -> Generator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} {task.description}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(what, total=None)
        yield lambda count: progress.advance(task, count)
