"""`sentientiq profile`: whose visits are, why, and taking apart what was joined wrongly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.options import data_option

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

T = TypeVar("T")
_WORDS = ("anonymous", "inferred", "claimed", "verified")

_data = data_option("SIQ_IDENTITY_ADDR")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")


@click.group()
def command() -> None:
    """Show users and their visits, say why a visit is somebody's, take apart.

    Talks to SIQ_IDENTITY_ADDR with SIQ_MESH_SECRET, else to the mesh that runs on this machine.
    """


@command.command()
@click.argument("tenant")
@click.argument("user")
@_json
@_data
def show(tenant: str, user: str, as_json: bool, data: Path) -> None:
    """Show USER of TENANT: by what they are known, and their visits."""
    from sentientiq.identity.v1 import identity_service_pb2 as pb

    request = pb.GetProfileRequest(tenant_id=tenant, user_id=user)
    profile: Any = _ask(data, lambda stub: stub.GetProfile(request))
    if as_json:
        click.echo(_as_json(profile))
        return
    click.echo(f"{user}: {_WORDS[profile.identity.assurance]}, {profile.identity.company or '-'}")
    for one in profile.identifiers:
        notes = [word for word, true in (("shared", one.shared), ("cut", one.cut)) if true]
        click.echo(
            f"  {one.kind:<10} {one.value}  {_WORDS[one.assurance]}, {one.sessions} visits"
            f"{''.join(f', {note}' for note in notes)}"
        )
    for session in profile.sessions:
        by = f" by {session.joined_by}" if session.joined_by else ""
        click.echo(
            f"  {_moment(session.began_at)}  {session.session_id}  {_WORDS[session.assurance]}{by}"
        )
    if profile.next_page_token:
        click.echo("  … and older visits: ask GetProfile for the next page")


@command.command()
@click.argument("tenant")
@click.argument("session")
@_json
@_data
def explain(tenant: str, session: str, as_json: bool, data: Path) -> None:
    """Say why SESSION of TENANT is somebody's, or why it is nobody's."""
    from sentientiq.identity.v1 import identity_service_pb2 as pb

    request = pb.ExplainIdentityRequest(tenant_id=tenant, session_id=session)
    answer: Any = _ask(data, lambda stub: stub.ExplainIdentity(request))
    if as_json:
        click.echo(_as_json(answer))
        return
    who = answer.identity
    click.echo(f"{session}: {who.user_id or 'nobody'} ({_WORDS[who.assurance]})")
    for reason in answer.reasons:
        mark = "*" if reason.decided else " "
        users = ", ".join(reason.user_ids)
        click.echo(f" {mark} {reason.kind}: {reason.text}{f' ({users})' if users else ''}")
    for change in answer.history:
        why = f", {change.why}" if change.why else ""
        click.echo(f"   {_moment(change.changed_at)}  {change.user_id or 'nobody'}{why}")


@command.command()
@click.argument("tenant")
@click.argument("user")
@click.argument("kind")
@click.argument("value")
@click.option("--reason", default="", help="Why; kept with the split. Needed but to restore.")
@click.option("--restore", is_flag=True, help="Take an earlier split back.")
@_data
def split(
    tenant: str, user: str, kind: str, value: str, reason: str, restore: bool, data: Path
) -> None:
    """Say that an identifier is not USER's; KIND and VALUE as `profile show` prints them.

    Visits that were theirs by it alone, past ones too, are judged anew.
    """
    from sentientiq.identity.v1 import identity_service_pb2 as pb

    request = pb.SplitRequest(
        tenant_id=tenant, user_id=user, kind=kind, value=value, reason=reason, restore=restore
    )
    answer: Any = _ask(data, lambda stub: stub.Split(request))
    if not answer.changed:
        click.echo("nothing to do: it is so already")
    else:
        click.echo(f"{answer.sessions} visits are somebody else's, or nobody's, than before")


def _ask(data: Path, call: Callable[[Any], Awaitable[T]]) -> T:
    from sentientiq.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

    from cli.tenants import ask_identity

    return ask_identity(data, IdentityServiceStub, call)


def _as_json(message: Any) -> str:
    from google.protobuf.json_format import MessageToJson

    return MessageToJson(message, preserving_proto_field_name=True, indent=None)


def _moment(stamp: Timestamp) -> str:
    return datetime.fromtimestamp(stamp.ToMilliseconds() / 1000, UTC).strftime("%Y-%m-%d %H:%M")
