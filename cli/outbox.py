"""`sentientiq outbox`: messages to people that are under way or dead, and sending them once more.

It reads and writes PostgreSQL directly: it must work while the service that sends is down.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import intervention_store, mesh
from cli.errors import CliError
from cli.options import data_option

if TYPE_CHECKING:
    from services.intervention.store.dead_letters import Kept

_CHANNELS = ("sms", "slack", "webhook", "email", "teams", "pagerduty")
_data = data_option("SIQ_POSTGRES_URL")
_last = click.option("--last", type=click.IntRange(1, 100_000), default=50, show_default=True)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group()
def command() -> None:
    """Messages to people: what is under way, what failed and why, once more (docs/channels.md).

    Reads SIQ_POSTGRES_URL, else the mesh that runs on this machine. What a message says is never
    shown.
    """


@command.command("list")
@click.argument("tenant")
@_last
@_json
@_data
def list_(tenant: str, last: int, as_json: bool, data: Path) -> None:
    """Show TENANT's messages that have not come to their end."""
    from services.intervention.store import dead_letters

    _show(
        intervention_store.ask(
            data, lambda pool: dead_letters.listed(pool, tenant, dead_letters.UNDER_WAY, last)
        ),
        as_json,
    )


@command.command()
@click.argument("tenant")
@_last
@_json
@_data
def dead(tenant: str, last: int, as_json: bool, data: Path) -> None:
    """Show TENANT's dead letters, each with its reason.

    Those marked "gone" cannot be replayed: a week has passed, the address is off, or the provider
    had the message.
    """
    from services.intervention.store import dead_letters

    _show(
        intervention_store.ask(
            data, lambda pool: dead_letters.listed(pool, tenant, dead_letters.DEAD, last)
        ),
        as_json,
    )


@command.command()
@click.argument("tenant")
@click.argument("messages", nargs=-1, required=True)
@click.option(
    "--for-minutes",
    type=click.IntRange(1, 1440),
    default=10,
    show_default=True,
    help="Given up again after this time.",
)
@click.option(
    "--even-if-sent", is_flag=True, help="Also repeat what may have reached the person already."
)
@_data
def replay(
    tenant: str, messages: tuple[str, ...], for_minutes: int, even_if_sent: bool, data: Path
) -> None:
    """Send dead MESSAGES of TENANT once more: ids as `outbox dead` shows them."""
    from services.intervention.store import dead_letters

    async def all_of_them(pool: Any) -> list[str]:
        now_ms = time.time_ns() // 1_000_000
        return [
            message
            for message in messages
            if not await dead_letters.replay(
                pool,
                tenant,
                message,
                now_ms=now_ms,
                for_ms=for_minutes * 60_000,
                even_if_sent=even_if_sent,
            )
        ]

    missing = intervention_store.ask(data, all_of_them)
    click.echo(f"{len(messages) - len(missing)} messages go out once more")
    if missing:
        raise CliError(
            f"no dead letter of {tenant!r} that could be sent: {', '.join(missing)};"
            f" see `sentientiq outbox dead {tenant}`"
        )


@command.command()
@click.argument("tenant")
@_last
@_json
@_data
def off(tenant: str, last: int, as_json: bool, data: Path) -> None:
    """Show TENANT's addresses that are off: channel, a hash, since when and why.

    Nothing is sent there, and who of the team has no other address is not asked.
    """
    from services.intervention.store import endpoints

    for row in intervention_store.ask(data, lambda pool: endpoints.listed(pool, tenant, last)):
        if as_json:
            click.echo(json.dumps({name: getattr(row, name) for name in row.__slots__}))
            continue
        at = _written(row.since_ms)
        click.echo("  ".join([row.channel or "unknown", row.endpoint_hash, at, row.reason]))


@command.command()
@click.argument("tenant")
@click.argument("channel", type=click.Choice(_CHANNELS))
@click.argument("address")
@_data
def on(tenant: str, channel: str, address: str, data: Path) -> None:
    """Send to ADDRESS of TENANT again over CHANNEL, once its owner agreed or the fault is mended.

    Needs SIQ_MESH_SECRET, else that of the mesh on this machine: addresses are stored as hashes.
    """
    from services.intervention.sending.secrets import Sealer
    from services.intervention.store import endpoints

    named = Sealer(mesh.mesh_secret(data)).endpoint_hash(channel, address)
    if not intervention_store.ask(data, lambda pool: endpoints.turn_on(pool, tenant, named)):
        raise CliError(
            f"no such address of {tenant!r} is off ({channel}, {named});"
            f" see `sentientiq outbox off {tenant}`"
        )
    click.echo("on: what is decided from now on may go there")


@command.command()
@click.argument("tenant")
@click.argument("decision")
@click.argument("people", nargs=-1)
@_data
def close(tenant: str, decision: str, people: tuple[str, ...], data: Path) -> None:
    """Close the pages that messages about DECISION lead to: all of them, or those of PEOPLE.

    Their links lead nowhere from now on; a colleague can still hand it over anew.
    """
    from services.intervention.escalation import threads
    from services.intervention.store.decisions import read_decision

    async def closed(pool: Any) -> list[str] | None:
        found = await read_decision(pool, decision)
        if found is None or found.tenant_id != tenant or not found.HasField("recommendation"):
            return None
        # What joined another one's thread has no page but that one's.
        thread_id = await threads.find(pool, decision)
        members = await threads.read_members(pool, thread_id)
        known = [found.recommendation.person_id, *(one.person_id for one in members)]
        chosen = [one for one in dict.fromkeys(known) if not people or one in people]
        await threads.revoke(pool, thread_id, chosen, time.time_ns() // 1_000_000)
        return chosen

    chosen = intervention_store.ask(data, closed)
    if not chosen:
        raise CliError(f"{tenant!r} has told nobody of these about decision {decision!r}")
    click.echo(f"closed for {', '.join(chosen)}")


def _show(rows: list[Kept], as_json: bool) -> None:
    for row in rows:
        at = _written(row.changed_at_ms)
        if as_json:
            click.echo(json.dumps({name: getattr(row, name) for name in row.__slots__}))
            continue
        words = [row.id, at, row.channel, row.destination, row.state, f"{row.attempts} attempts"]
        if row.detail:
            words.append(row.detail)
        if row.state == "failed" and not row.kept:
            words.append("(gone)")
        click.echo("  ".join(words))


def _written(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
