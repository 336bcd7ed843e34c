"""`sentientiq keys`: publishable keys, through TenantService, and bearer tokens for gRPC."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from cli import mesh

if TYPE_CHECKING:
    from cli.tenants import Tenants

T = TypeVar("T")

_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=mesh.DEFAULT_DATA,
    show_default=True,
    help="Folder of the running mesh, where SIQ_IDENTITY_ADDR is not set.",
)


@click.group()
def command() -> None:
    """Create, revoke and look up publishable keys; sign bearer tokens for gRPC.

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
    """End KEY of TENANT: live sockets close within 5 seconds."""
    _ask(data, lambda tenants: tenants.revoke_key(tenant, key))
    click.echo("revoked")


@command.command()
@click.argument("key")
@_data
def show(key: str, data: Path) -> None:
    """Say whose KEY is and where it may be used.

    Keys are kept as hashes, so they cannot be listed; one that is at hand can be looked up.
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
@_data
def token(tenant: str, role: str, hours: int, data: Path) -> None:
    """Sign a bearer token for gRPC calls about TENANT and print it.

    See docs/grpc.md. Needs the mesh's secret, and no running mesh.
    """
    from services.common.auth import make_token
    from services.common.errors import InvalidArgument
    from services.identity.validate import tenant_id

    try:
        tenant_id("TENANT", tenant)
    except InvalidArgument as error:
        raise click.BadParameter(str(error)) from error
    secret = mesh.mesh_secret(data)
    click.echo(
        make_token(secret, subject="cli", tenant_id=tenant, role=role, lifetime_s=hours * 3600)
    )


def _ask(data: Path, call: Callable[[Tenants], Awaitable[T]]) -> T:
    from cli.tenants import ask  # brings gRPC along

    return ask(data, call)
