"""`sentientiq policy stop | resume | switches`: the kill switch."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli import mesh
from cli.errors import CliError
from cli.options import data_option
from cli.policy.documents import json_option

if TYPE_CHECKING:
    from sentientiq.intervention.v1 import intervention_service_pb2 as pb

T = TypeVar("T")
EVERYBODY = "everybody"
_data = data_option("SIQ_INTERVENTION_ADDR")
_tenant = click.argument("tenant")
_rule = click.argument("rule", default="")


@click.command()
@_tenant
@_rule
@click.option("--reason", default="", help="For whoever finds it stopped.")
@_data
def stop(tenant: str, rule: str, reason: str, data: Path) -> None:
    """Stop the interventions of TENANT (or of its RULE, or of `everybody`), within two seconds."""
    _set(data, tenant, rule, reason, off=True)
    click.echo(f"stopped: {_named(tenant, rule)}")


@click.command()
@_tenant
@_rule
@_data
def resume(tenant: str, rule: str, data: Path) -> None:
    """Let the interventions of TENANT (or of its RULE, or of `everybody`) go on."""
    _set(data, tenant, rule, "", off=False)
    click.echo(f"goes on: {_named(tenant, rule)}")


@click.command()
@click.option("--tenant", default="", help="Of one tenant, and what is stopped for everybody.")
@_data
@json_option
def switches(tenant: str, data: Path, as_json: bool) -> None:
    """List what is stopped, since when and why."""
    from sentientiq.intervention.v1 import intervention_service_pb2 as pb

    request = pb.ListSwitchesRequest(tenant_id=tenant)
    answer = ask_intervention(data, lambda stub: stub.ListSwitches(request, timeout=5))
    found: list[pb.Switch] = list(answer.switches)
    if as_json:
        rows = [
            {"tenant": one.tenant_id or None, "rule": one.rule or None, "reason": one.reason,
             "since_ms": one.since_ms}
            for one in found
        ]  # fmt: skip
        click.echo(json.dumps({"switches": rows}))
        return
    for one in found:
        since = datetime.fromtimestamp(one.since_ms / 1000, UTC).isoformat(timespec="seconds")
        name = _named(one.tenant_id or EVERYBODY, one.rule)
        click.echo(f"{name}  since {since}  {one.reason}")
    if not found:
        click.echo("nothing is stopped")


def _named(tenant: str, rule: str) -> str:
    return f"rule {rule} of {tenant}" if rule else tenant


def _set(data: Path, tenant: str, rule: str, reason: str, *, off: bool) -> None:
    from sentientiq.intervention.v1 import intervention_service_pb2 as pb

    switch = pb.Switch(tenant_id="" if tenant == EVERYBODY else tenant, rule=rule, reason=reason)
    request = pb.SetSwitchRequest(switch=switch, off=off)
    ask_intervention(data, lambda stub: stub.SetSwitch(request, timeout=5))


def ask_intervention(data: Path, call: Callable[[Any], Awaitable[T]]) -> T:
    """Call InterventionService at SIQ_INTERVENTION_ADDR, else of the mesh on a data folder."""
    name = "SIQ_INTERVENTION_ADDR"
    address = os.environ.get(name) or mesh.require(data).env[name]
    secret = mesh.mesh_secret(data)

    async def talk() -> T:
        import grpc.aio
        from sentientiq.intervention.v1.intervention_service_pb2_grpc import (
            InterventionServiceStub,
        )

        from services.common.auth import make_token
        from services.common.channels import connect

        async with connect(address, make_token(secret, subject="cli")) as channel:
            try:
                return await call(InterventionServiceStub(channel))
            except grpc.aio.AioRpcError as error:
                raise CliError(
                    f"intervention at {address}: {error.details()}; is the mesh up, and {name}"
                    " right?"
                ) from error

    return asyncio.run(talk())
