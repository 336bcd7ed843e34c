"""`sentientiq tenants`: who uses SentientIQ here, and their teams."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CliError
from cli.options import data_option

if TYPE_CHECKING:
    from sentientiq.tenant.v1 import tenant_service_pb2 as pb

    from cli.tenants import Tenants

_data = data_option("SIQ_IDENTITY_ADDR")


@click.group()
def command() -> None:
    """Create and list tenants, and keep their teams.

    Talks to SIQ_IDENTITY_ADDR with SIQ_MESH_SECRET, else to the mesh that runs on this machine.
    """


@command.command("list")
@_data
def list_tenants(data: Path) -> None:
    """List all tenants."""
    from sentientiq.tenant.v1 import tenant_service_pb2 as pb

    token = ""
    while True:
        request = pb.ListTenantsRequest(page_token=token)
        page = _ask(data, "ListTenants", request)
        for tenant in page.tenants:
            click.echo(f"{tenant.tenant_id:<24} {tenant.name}")
        token = page.next_page_token
        if not token:
            return


@command.command()
@click.argument("tenant")
@_data
def show(tenant: str, data: Path) -> None:
    """Show TENANT, its keys and its team."""
    from sentientiq.tenant.v1 import tenant_service_pb2 as pb

    found: pb.TenantInfo = _ask(data, "GetTenant", pb.GetTenantRequest(tenant_id=tenant)).tenant
    words = {
        "name": found.name or "-",
        "since": found.created_at.ToJsonString()[:10],
        "emotions to the page": "yes" if found.emotions_to_page else "no",
        "identity secret": "set" if found.has_identity_secret else "none",
        "secret of webhooks": "set" if found.has_transactions_secret else "none",
    }
    for name, value in words.items():
        click.echo(f"{name:<22} {value}")
    for key in _ask(data, "ListKeys", pb.ListKeysRequest(tenant_id=tenant)).keys:
        state = (
            f"revoked {key.revoked_at.ToJsonString()[:10]}" if key.HasField("revoked_at") else ""
        )
        click.echo(
            f"key {key.key_id}  {key.environment}  {' '.join(key.origins)}  {state}".rstrip()
        )
    for person in _ask(data, "ListPeople", pb.ListPeopleRequest(tenant_id=tenant)).people:
        kinds = ", ".join(channel.kind for channel in person.channels) or "no channel"
        click.echo(f"person {person.person_id}  {person.role}  {person.zone}  {kinds}")


@command.command()
@click.argument("tenant")
@click.option("--name", default="", help="For people.")
@click.option("--emotions-to-page", is_flag=True, help="Pages are told their visitor's emotions.")
@_data
def create(tenant: str, name: str, emotions_to_page: bool, data: Path) -> None:
    """Create TENANT, and print the secret that signs its visitors' identity tokens.

    It is shown this once.
    """
    from sentientiq.tenant.v1 import tenant_service_pb2 as pb

    if _known(data, tenant):
        raise CliError(f"there is a tenant {tenant!r} already: `sentientiq tenants show {tenant}`")
    secret = secrets.token_hex(32)
    made = pb.Tenant(
        tenant_id=tenant, name=name, emotions_to_page=emotions_to_page, identity_secret=secret
    )
    _ask(data, "PutTenant", pb.PutTenantRequest(tenant=made))
    click.echo(secret)


@command.command()
@click.argument("tenant")
@click.argument("person")
@click.option("--name", default="", help="For people.")
@click.option("--role", required=True, help="ceo, success, sales, support, or your own word.")
@click.option("--zone", default="UTC", show_default=True, help="IANA time zone.")
@click.option("--sms", "phones", multiple=True, help="A number, +14155550123.")
@click.option("--slack", "slacks", multiple=True, help="An incoming webhook's URL.")
@click.option("--teams", multiple=True, help="A Workflows webhook's URL.")
@click.option("--pagerduty", "keys", multiple=True, help="A routing key, Events API v2.")
@click.option("--email", "mails", multiple=True, help="An address.")
@click.option("--owns", "companies", multiple=True, help="A company's domain.")
@_data
def person(
    tenant: str,
    person: str,
    name: str,
    role: str,
    zone: str,
    phones: tuple[str, ...],
    slacks: tuple[str, ...],
    teams: tuple[str, ...],
    keys: tuple[str, ...],
    mails: tuple[str, ...],
    companies: tuple[str, ...],
    data: Path,
) -> None:
    """Put PERSON into TENANT's team, or replace them.

    Channels are preferred in this order: texts, pages, Slack, Teams, mail.
    """
    from sentientiq.tenant.v1 import tenant_service_pb2 as pb

    made = pb.Person(
        person_id=person,
        name=name,
        role=role,
        zone=zone,
        channels=[
            *(pb.Channel(kind="sms", address=phone) for phone in phones),
            *(pb.Channel(kind="pagerduty", address=key) for key in keys),
            *(pb.Channel(kind="slack", address=url) for url in slacks),
            *(pb.Channel(kind="teams", address=url) for url in teams),
            *(pb.Channel(kind="email", address=address) for address in mails),
        ],
        owns_companies=companies,
    )
    _ask(data, "PutPerson", pb.PutPersonRequest(tenant_id=tenant, person=made))
    click.echo(f"{person} is of the team of {tenant}")


@command.command()
@click.argument("tenant")
@click.argument("person")
@_data
def dismiss(tenant: str, person: str, data: Path) -> None:
    """Take PERSON out of TENANT's team."""
    from sentientiq.tenant.v1 import tenant_service_pb2 as pb

    _ask(data, "DeletePerson", pb.DeletePersonRequest(tenant_id=tenant, person_id=person))
    click.echo(f"{person} is no longer of the team of {tenant}")


def _known(data: Path, tenant: str) -> bool:
    from cli.tenants import ask

    return ask(data, lambda tenants: tenants.exists(tenant))


def _ask(data: Path, method: str, request: Any) -> Any:
    from cli.tenants import ask  # brings gRPC along

    async def call(tenants: Tenants) -> Any:
        return await getattr(tenants.stub, method)(request)

    return ask(data, call)
