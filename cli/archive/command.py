"""`sentientiq archive list|verify|compact|backfill|erase` (docs/archive.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sentientiq.analytics.v1 import archive_service_pb2 as pb
from sentientiq.analytics.v1 import archive_service_pb2_grpc as rpc

from cli.archive import asking, comparing
from cli.archive.verifying import Verified
from cli.errors import CliError
from cli.options import data_option
from services.common.auth import ANY_TENANT
from services.pipeline.topics import TOPICS

_data = data_option("an SIQ_ variable")
_json = click.option("--json", "as_json", is_flag=True, help="JSON, the result on the last line.")
_tenant = click.option("--tenant", default="", help="Only this tenant; default: all.")
_from = click.option(
    "--from", "first", callback=asking.hour, default="", help="The first hour; default: the oldest."
)
_A_DAY_S = 24 * 3600.0
"""Of a stream of progress: as long as it takes."""


@click.group()
def command() -> None:
    """The archive: what is in it, and that it is what the log had and analytics has.

    SIQ_ARCHIVE_URL, SIQ_LOG_URL and SIQ_PIPELINE_ADDR, else the mesh that runs on this machine.
    """


@contextmanager
def _progress() -> Generator[Callable[[str], None]]:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("…", total=None)
        yield lambda text: progress.update(task, description=text)


@command.command("list")
@_tenant
@_from
@click.option("--to", "before", callback=asking.hour, default="", help="The hour after the last.")
@_json
@_data
def list_(tenant: str, first: str, before: str, as_json: bool, data: Path) -> None:
    """Show what is archived: each tenant, topic and day, with files, rows and bytes."""
    archive = asking.archive_of(data)

    async def read() -> dict[tuple[str, str, str], list[int]]:
        found: dict[tuple[str, str, str], list[int]] = {}
        for topic in TOPICS:
            until = before[:10] or "~"
            for file in archive.files(topic.name, tenant=tenant, first=first[:10], last=until):
                if first <= file.hour < (before or comparing.FOREVER):
                    key = (file.tenant, topic.name, file.hour.partition("T")[0])
                    sums = found.setdefault(key, [0, 0, 0])
                    for place, more in enumerate((1, file.rows, file.size)):
                        sums[place] += more
        return found

    found = asking.run(read)
    for (owner, topic, date), (files, rows, size) in sorted(found.items()):
        if as_json:
            shown = {"tenant": owner, "topic": topic, "date": date}
            click.echo(json.dumps({**shown, "files": files, "rows": rows, "bytes": size}))
        else:
            click.echo(f"{owner}  {topic:<13} {date}  {files:>6} files {rows:>12} rows {size} B")
    if not found and not as_json:
        click.echo("nothing is archived there")


@command.command()
@_tenant
@_from
@click.option(
    "--to", "before", callback=asking.hour, default="",
    help="The hour after the last; default: this one, which is not over.",
)  # fmt: skip
@click.option("--without-log", is_flag=True, help="Compare archive and analytics only.")
@click.option("--without-analytics", is_flag=True, help="Compare archive and log only.")
@click.option(
    "--wait-s", type=float, default=120.0, show_default=True,
    help="How long to wait for readers that are behind.",
)  # fmt: skip
@_json
@_data
def verify(
    tenant: str, first: str, before: str, without_log: bool, without_analytics: bool,
    wait_s: float, as_json: bool, data: Path,
) -> None:  # fmt: skip
    """Prove that archive, log and analytics have the same rows, hour by hour of event time.

    Every file is hashed again. The log is compared as far as it is kept. Ends with 1 if anything
    differs.
    """
    archive = asking.archive_of(data)
    last = before or f"{datetime.now(UTC):%Y-%m-%dT%H}"

    async def work() -> Verified:
        start = first or _oldest(archive, tenant) or last
        async with asking.log_of(data) as log, asking.pipeline_of(data) as channel:
            if not without_log and not await comparing.settled(log, wait_s):
                raise CliError(
                    f"the pipeline is still behind after {wait_s:g} s: see `sentientiq log lag`"
                )
            asked = (None if without_log else log, None if without_analytics else channel)
            with _progress() as say:
                done = await comparing.compare(archive, *asked, tenant, start, last, say)
                if done.differences and not without_log:
                    # Rows may have come to these hours meanwhile: what stays is a difference.
                    await comparing.settled(log, wait_s)
                    hours = sorted(one.hour for one in done.differences)
                    end = comparing.hour_after(hours[-1])
                    again = await comparing.compare(archive, *asked, tenant, hours[0], end, say)
                    done.differences = again.differences
        return done

    done = asking.run(work)
    for one in done.differences:
        click.echo(f"{one.topic}  {one.tenant}  {one.hour}  {one.what}", err=True)
    if as_json:
        click.echo(json.dumps(asdict(done)))
    else:
        _say_verified(done, without_log, without_analytics)
    if done.differences:
        raise SystemExit(1)


def _oldest(archive: Any, tenant: str) -> str:
    hours = [file.hour for one in TOPICS for file in archive.files(one.name, tenant=tenant)]
    return min(hours, default="")


def _say_verified(done: Verified, without_log: bool, without_analytics: bool) -> None:
    verdict = f"{len(done.differences)} differences" if done.differences else "no difference"
    click.echo(
        f"{done.rows} rows in {done.files} files ({done.bytes} bytes, hashed again), "
        f"{done.hours} hours of tenants and topics: {verdict}"
    )
    if not without_log:
        click.echo(f"log: {done.log_rows} of these rows are still kept, and were compared")
    if not without_analytics:
        aged = f"; {done.aged_rows} are so old that it may have forgotten them"
        click.echo(
            f"analytics: {done.analytics_rows} rows compared{aged if done.aged_rows else ''}"
        )


@command.command()
@click.option("--target-mb", type=click.IntRange(1, 512), help="MB of a merged file.")
@_json
@_data
def compact(target_mb: int | None, as_json: bool, data: Path) -> None:
    """Merge small files now; the pipeline does it every hour by itself."""
    request = pb.CompactRequest(tenant_id=ANY_TENANT, target_bytes=(target_mb or 0) << 20)
    sums = {"days": 0, "files_before": 0, "files_after": 0, "bytes_before": 0, "bytes_after": 0}

    def take(done: pb.CompactResponse) -> str:
        sums["days"] += 1
        for name in list(sums)[1:]:
            sums[name] += getattr(done, name)
        return f"{done.topic} {done.day}"

    _follow(data, lambda stub: stub.Compact(request, timeout=_A_DAY_S), take)
    if as_json:
        click.echo(json.dumps(sums))
    else:
        click.echo(
            f"{sums['days']} days of tenants: {sums['files_before']} files became"
            f" {sums['files_after']}, {sums['bytes_before']} bytes {sums['bytes_after']}"
        )


@command.command()
@_tenant
@_from
@click.option(
    "--to",
    "before",
    callback=asking.hour,
    default="",
    help="The hour after the last.",
)
@_json
@_data
def backfill(tenant: str, first: str, before: str, as_json: bool, data: Path) -> None:
    """Store archived rows in analytics again: all, or a range. It may be repeated."""
    request = pb.BackfillRequest(tenant_id=tenant or ANY_TENANT, from_hour=first, to_hour=before)
    sums = {"hours": 0, "rows": 0}

    def take(done: pb.BackfillResponse) -> str:
        sums["hours"] += 1
        sums["rows"] = done.rows
        share = 100 * done.rows // max(1, done.rows_in_all)
        return f"{share} %  {done.topic} {done.tenant_id} {done.hour}"

    _follow(data, lambda stub: stub.Backfill(request, timeout=_A_DAY_S), take)
    if as_json:
        click.echo(json.dumps(sums))
    else:
        click.echo(f"{sums['rows']} rows of {sums['hours']} hours are in analytics")


@command.command()
@click.argument("tenant")
@click.option("--session", "sessions", multiple=True, required=True, help="Repeatable.")
@_json
@_data
def erase(tenant: str, sessions: tuple[str, ...], as_json: bool, data: Path) -> None:
    """Write files anew without the rows of TENANT's sessions, as `privacy export` names them."""
    request = pb.EraseRequest(tenant_id=tenant, session_ids=sessions)
    sums = {"rows": 0, "files": 0}

    def take(done: pb.EraseResponse) -> str:
        sums["rows"] += done.rows
        sums["files"] += done.files
        return f"{done.topic} {done.day}"

    _follow(data, lambda stub: stub.Erase(request, timeout=_A_DAY_S), take)
    if as_json:
        click.echo(json.dumps(sums))
    else:
        click.echo(f"{sums['rows']} rows are gone from {sums['files']} files")


def _follow(data: Path, call: Callable[[Any], Any], take: Callable[[Any], str]) -> None:
    """Take what a call streams, and show where it is."""

    async def work() -> None:
        async with asking.pipeline_of(data) as channel:
            with _progress() as say:
                async for done in call(rpc.ArchiveServiceStub(channel)):
                    say(take(done))

    asking.run(work)
