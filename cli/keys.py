"""`sentientiq keys`: publishable keys, bearer tokens, and rotation of what encrypts data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from cli import mesh
from cli.options import data_option

if TYPE_CHECKING:
    from cli.tenants import Tenants

T = TypeVar("T")

_data = data_option("SIQ_IDENTITY_ADDR")


@click.group()
def command() -> None:
    """Create, revoke and look up publishable keys; sign bearer tokens for gRPC; rotate the keys
    that encrypt personal data.

    Talks to SIQ_IDENTITY_ADDR with SIQ_MESH_SECRET, else to the mesh that runs on this machine.
    """


@command.command()
@click.argument("tenant")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    required=True,
    help="A site that may use the key, for example https://shop.example; '*' admits any.",
)
@click.option(
    "--environment", type=click.Choice(["live", "test"]), default="live", show_default=True
)
@_data
def create(tenant: str, origins: tuple[str, ...], environment: str, data: Path) -> None:
    """Make a key for TENANT and print it.

    It is shown this once: only a hash is kept.
    """
    click.echo(_ask(data, lambda tenants: tenants.create_key(tenant, list(origins), environment)))


@command.command()
@click.argument("tenant")
@click.argument("key")
@_data
def revoke(tenant: str, key: str, data: Path) -> None:
    """End KEY of TENANT: live sockets close within 5 seconds.

    Where the key itself is not at hand, its id does: `sentientiq tenants show TENANT`.
    """
    _ask(data, lambda tenants: tenants.revoke_key(tenant, key))
    click.echo("revoked")


@command.command()
@click.argument("key")
@_data
def show(key: str, data: Path) -> None:
    """Say whose KEY is and where it may be used.

    Keys are kept as hashes: `sentientiq tenants show` lists their ids; one that is at hand can be
    looked up here.
    """
    found = _ask(data, lambda tenants: tenants.resolve_key(key))
    if found is None:
        raise click.ClickException("unknown or revoked")
    click.echo(f"tenant {found.tenant_id}, origins {' '.join(found.origins)}")


@command.command()
@click.argument("tenant")
@click.option(
    "--role",
    type=click.Choice(["team", "operator"]),
    default="team",
    show_default=True,
    help="team looks on; operator also changes the tenant, its keys, people and configuration.",
)
@click.option(
    "--hours",
    type=click.IntRange(1, 24 * 365),
    default=12,
    show_default=True,
    help="How long it is good. It cannot be revoked.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="What it is good for, such as identity:read or tenant:*; default: all that the role may.",
)
@_data
def token(tenant: str, role: str, hours: int, scopes: tuple[str, ...], data: Path) -> None:
    """Sign a bearer token for gRPC calls about TENANT and print it.

    See docs/grpc.md. Needs the mesh's secret, and no running mesh.
    """
    from services.common.auth import make_token
    from services.common.errors import InvalidArgument
    from services.common.scopes import read_scopes
    from services.identity.validate import tenant_id

    try:
        tenant_id("TENANT", tenant)
        checked = read_scopes("--scope", scopes)
    except InvalidArgument as error:
        raise click.BadParameter(str(error)) from error
    click.echo(
        make_token(
            mesh.mesh_secret(data),
            subject="cli",
            tenant_id=tenant,
            role=role,
            lifetime_s=hours * 3600,
            scopes=checked,
        )
    )


@command.command("rotate-kek")
@click.option("--keep", is_flag=True, help="Make no new key: use the one that is active already.")
@click.option(
    "--retire", is_flag=True, help="Then remove the keys that wrap nothing any more, for good."
)
@_data
def rotate_kek(keep: bool, retire: bool, data: Path) -> None:
    """Wrap the keys of all tenants with a new key encryption key, while everything goes on.

    The new one is added to SIQ_KEK_FILE, which identity reads again. Where that file cannot be
    written from here, add the key to it elsewhere, see that every replica has it, and `--keep`.
    What was in a backup can be opened only with keys that are not retired (docs/privacy.md).
    """
    from cli.rotation import rotate_keks

    count, retired = rotate_keks(data, keep=keep, retire=retire)
    click.echo(f"{count} keys of tenants wrapped anew, {len(retired)} old ones retired")


@command.command("rotate-tenant")
@click.argument("tenant")
@_data
def rotate_tenant(tenant: str, data: Path) -> None:
    """Give TENANT a new data key, wrap its subjects' keys with it, and destroy the old one."""
    from cli.rotation import rotate_data_key

    click.echo(f"{rotate_data_key(data, tenant)} keys of subjects wrapped anew")


def _ask(data: Path, call: Callable[[Tenants], Awaitable[T]]) -> T:
    from cli.tenants import ask  # brings gRPC along

    return ask(data, call)
