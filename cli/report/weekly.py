"""`sentientiq report weekly`: the mails as they would be sent, in files."""

from __future__ import annotations

import asyncio
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import mesh
from cli.errors import CliError
from cli.options import data_option

if TYPE_CHECKING:
    from services.accountability.weekly.compose import Asked
    from services.accountability.weekly.letter import Letter
    from services.accountability.weekly.sources import Costs, Sources
    from services.accountability.weekly.week import Week

_NEEDED = (
    "SIQ_POSTGRES_URL",
    "SIQ_IDENTITY_ADDR",
    "SIQ_INTERVENTION_ADDR",
    "SIQ_PIPELINE_ADDR",
)
_NOWHERE = "nobody@localhost.invalid"
"""Stands for the address of who has none: the letter can be looked at all the same."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for."""

    tenant: str
    week: Week | None
    person: str
    executive: bool
    out: Path
    sender: str


@click.command("weekly")
@click.option("--tenant", required=True, help="Whose team.")
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that the files are written to.",
)
@click.option("--week", help="Such as 2026-W47.  [default: the last one that is over]")
@click.option("--person", default="", help="Only this person's.")
@click.option("--executive", is_flag=True, help="About the whole team, whatever their role.")
@data_option("SIQ_POSTGRES_URL and addresses")
def command(
    tenant: str, out: Path, week: str | None, person: str, executive: bool, data: Path
) -> None:
    """Write the weekly mails of TENANT's team to files, and send none.

    For each person PERSON.html, PERSON.txt and PERSON.eml, in --out/WEEK. Whoever has stopped these
    mails gets a file all the same, and is named. Reads SIQ_POSTGRES_URL and asks identity,
    intervention and the pipeline at their SIQ_*_ADDR, else the mesh that runs on this machine.
    """
    from services.accountability.weekly.week import WeekError, parse_week

    try:
        wanted = _Wanted(
            tenant,
            None if week is None else parse_week(week),
            person,
            executive,
            out,
            os.environ.get("SIQ_SMTP_FROM") or "SentientIQ <weekly@localhost.invalid>",
        )
    except WeekError as error:
        raise CliError(str(error)) from error
    env = {name: os.environ.get(name) for name in _NEEDED}
    if not all(env.values()):
        running = mesh.require(data).env
        env = {name: value or running[name] for name, value in env.items()}
    asyncio.run(_write_all(wanted, {**env}, mesh.mesh_secret(data)))


async def _write_all(wanted: _Wanted, env: dict[str, Any], secret: str) -> None:
    from services.accountability.costing.servicer import CostServicer
    from services.accountability.costing.sources import Sources as CostSources
    from services.accountability.reading import Reader
    from services.accountability.store import AWAY
    from services.accountability.weekly.costs import measured_by
    from services.accountability.weekly.sources import Away, Sources
    from services.common import postgres
    from services.common.auth import make_token
    from services.common.channels import connect
    from services.common.errors import Unavailable

    token = make_token(secret, subject="cli")
    channels = [connect(env[name], token) for name in _NEEDED[1:]]
    failures: tuple[type[Exception], ...] = (Away, Unavailable, OSError, *AWAY)
    try:
        pool = await postgres.connect(env["SIQ_POSTGRES_URL"], schema="accountability", max_size=1)
        try:
            identity, _, pipeline = channels
            costs = measured_by(CostServicer(CostSources(pipeline, identity), _now_ms))
            await _write_team(wanted, Reader(pool), Sources(*channels), costs)
        finally:
            await pool.close()
    except failures as error:
        raise CliError(
            f"{error}; is the mesh up, and are SIQ_POSTGRES_URL and SIQ_*_ADDR right?"
        ) from error
    finally:
        for channel in channels:
            await channel.close()


async def _write_team(wanted: _Wanted, reader: Any, sources: Sources, costs: Costs) -> None:
    from services.accountability.weekly.compose import Asked, compose
    from services.accountability.weekly.week import WeekError, last_week, parse_zone

    team = await sources.people(wanted.tenant)
    people = [one for one in team if wanted.person in ("", one.person_id)]
    if not people:
        known = ", ".join(one.person_id for one in team) or "nobody"
        who = repr(wanted.person) if wanted.person else "anybody"
        raise CliError(f"{wanted.tenant} has no {who} on its team; there are: {known}")
    now_ms = _now_ms()
    for person in people:
        try:
            week = wanted.week or last_week(now_ms, parse_zone(person.zone))
        except WeekError as error:
            raise CliError(f"{person.person_id}: {error}") from error
        executive = wanted.executive or person.role in _executives()
        asked = Asked(wanted.tenant, person, week, executive)
        letter = await compose(asked, reader, sources, costs)
        await _write(wanted, asked, letter, sources, now_ms)


async def _write(
    wanted: _Wanted, asked: Asked, letter: Letter, sources: Sources, now_ms: int
) -> None:
    from services.accountability.weekly.render import mail_of, render
    from services.accountability.weekly.sending import address_of, links_of

    address = address_of(asked.person) or _NOWHERE
    links = await links_of(letter, address, sources)
    rendered = render(letter, links)
    mail = mail_of(letter, rendered, links, sender=wanted.sender, to=address, at_ms=now_ms)
    folder = wanted.out / letter.week
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]", "_", letter.person_id)
    (folder / f"{name}.html").write_text(rendered.html)
    (folder / f"{name}.txt").write_text(rendered.text)
    (folder / f"{name}.eml").write_bytes(mail.as_bytes())
    notes = [
        text
        for text, holds in (
            ("has stopped these mails", links.off),
            ("has no address", address == _NOWHERE),
            ("nothing to tell: none would be sent", letter.empty),
        )
        if holds
    ]
    note = f"  ({'; '.join(notes)})" if notes else ""
    click.echo(f"{folder / name}.html .txt .eml  {letter.headline.text}{note}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _executives() -> tuple[str, ...]:
    given = os.environ.get("SIQ_EXECUTIVE_ROLES", "ceo,executive")
    return tuple(word.strip() for word in given.split(","))
