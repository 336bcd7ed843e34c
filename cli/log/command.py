"""`sentientiq log tail|dead|replay|lag`, on Valkey Streams or Kafka: SIQ_LOG_URL says which."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cli import mesh
from cli.errors import CliError
from cli.log.lag import lags
from cli.log.reading import DEAD, described, entries, everything, tenant_of
from cli.log.replaying import replay
from cli.options import data_option
from services.common.log import TOPICS, EventLog, LogUnavailable, open_log
from services.common.settings import SettingsError

T = TypeVar("T")
_BLOCK_MS = 500
_SHOWN = 160
_data = data_option("SIQ_LOG_URL")
_json = click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
_topic = click.option("--topic", type=click.Choice(TOPICS), help="Only this topic; default: all.")


@click.group()
def command() -> None:
    """Look into the event log, and give dead letters another chance.

    The log of SIQ_LOG_URL, else that of the mesh which runs on this machine.
    """


def _with_log(data: Path, work: Callable[[EventLog], Awaitable[T]]) -> T:
    url = os.environ.get("SIQ_LOG_URL") or mesh.require(data).env["SIQ_LOG_URL"]

    async def run() -> T:
        log = open_log(url)
        try:
            return await work(log)
        finally:
            await log.close()

    try:
        return asyncio.run(run())
    except LogUnavailable as error:
        raise CliError(f"{error}; is SIQ_LOG_URL right, and its server up?") from error
    except (SettingsError, ValueError) as error:
        raise CliError(str(error)) from error


def _say(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found))
        return
    place = f"{found['topic']}:{found['partition']}:{found['offset']}"
    who = f"{found['tenant']}/{found['session']}"
    reason = found["headers"].get("reason")
    what = reason or json.dumps(found.get("message"))
    cut = what if len(what) <= _SHOWN else what[:_SHOWN] + "…"
    click.echo(f"{place}  {who}  {found['bytes']} bytes  {cut}")


@command.command()
@click.option("--topic", type=click.Choice(TOPICS), required=True, help="The topic to follow.")
@click.option("--tenant", help="Only records of this tenant.")
@click.option("--from-start", is_flag=True, help="From what is oldest, not from now on.")
@click.option("--most", type=click.IntRange(1), help="End after so many records.")
@_json
@_data
def tail(
    topic: str, tenant: str | None, from_start: bool, most: int | None, as_json: bool, data: Path
) -> None:
    """Follow a topic, until Ctrl-C.

    Commits nothing and keeps nothing from being trimmed.
    """

    async def follow(log: EventLog) -> None:
        place = everything() if from_start else await log.ends(topic)
        left = most
        while True:
            for entry in await log.read(topic, place, block_ms=_BLOCK_MS):
                place[entry.partition] = entry.offset
                for record in entry.records:
                    if tenant is not None and tenant_of(record) != tenant:
                        continue
                    _say(described(topic, entry, record), as_json)
                    if left is not None and (left := left - 1) == 0:
                        return

    _with_log(data, follow)


@command.command()
@_topic
@click.option("--tenant", help="Only records of this tenant.")
@_json
@_data
def dead(topic: str | None, tenant: str | None, as_json: bool, data: Path) -> None:
    """List dead letters: what no reader could apply, and why.

    Each reader of a topic writes its own letter, so one record may stand here more than once.
    """

    async def show(log: EventLog) -> Counter[str]:
        counts: Counter[str] = Counter()
        for name in [topic] if topic else TOPICS:
            async for entry in entries(log, name + DEAD, everything()):
                for record in entry.records:
                    if tenant is None or tenant_of(record) == tenant:
                        counts[name] += 1
                        _say(described(name + DEAD, entry, record), as_json)
        return counts

    counts = _with_log(data, show)
    if not as_json:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        click.echo(told or "no dead letters")


@command.command(name="replay")
@_topic
@_json
@_data
def again(topic: str | None, as_json: bool, data: Path) -> None:
    """Append dead letters to their topic once more, each once.

    For when what made them dead is mended. Readers drop what they have applied before. A letter
    that dies again is not tried a third time.
    """

    async def work(log: EventLog) -> None:
        for name in [topic] if topic else TOPICS:
            result = await replay(log, name)
            counts = {
                "replayed": result.replayed,
                "repeated": result.repeated,
                "tried_before": result.tried_before,
                "unreadable": result.unreadable,
            }
            if as_json:
                click.echo(json.dumps({"topic": name, **counts}))
            elif any(counts.values()):
                click.echo(f"{name}: " + ", ".join(f"{key} {n}" for key, n in counts.items()))
            else:
                click.echo(f"{name}: nothing new")

    _with_log(data, work)


@command.command()
@_json
@_data
def lag(as_json: bool, data: Path) -> None:
    """Say how many entries each reader of each topic has not read yet."""
    found = _with_log(data, lags)
    if as_json:
        for one in found:
            click.echo(json.dumps(one._asdict()))
        return
    width = max(len(one.group) for one in found)
    for one in found:
        note = "" if one.started else "  never committed"
        click.echo(
            f"{one.topic:<13} {one.group:<{width}} {one.entries:>9} behind, "
            f"worst partition {one.worst}{note}"
        )
