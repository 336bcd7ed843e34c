"""`sentientiq report scorecard`: what became of what the team was asked."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import click

from cli import mesh
from cli.errors import CliError
from cli.options import data_option


@click.command("scorecard")
@click.option("--tenant", required=True, help="Whose.")
@click.option("--person", default="", help="Of one person.  [default: the whole team]")
@click.option("--zone", default="UTC", show_default=True, help="IANA time zone of the days.")
@click.option("--from", "since", required=True, metavar="YYYY-MM-DD", help="First day.")
@click.option("--to", "until", required=True, metavar="YYYY-MM-DD", help="Day after the last.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
@data_option("SIQ_ACCOUNTABILITY_ADDR")
def command(
    tenant: str, person: str, zone: str, since: str, until: str, as_json: bool, data: Path
) -> None:
    """What the team was asked in a period, and what became of it: counts, and the median time.

    Asks accountability at SIQ_ACCOUNTABILITY_ADDR with SIQ_MESH_SECRET, else the mesh that runs on
    this machine.
    """
    from services.accountability.weekly.week import WeekError, day_ms, parse_zone

    try:
        place = parse_zone(zone)
        bounds = day_ms(since, place), day_ms(until, place)
    except WeekError as error:
        raise CliError(str(error)) from error
    name = "SIQ_ACCOUNTABILITY_ADDR"
    address = os.environ.get(name) or mesh.require(data).env[name]
    counts, median_ms = asyncio.run(
        _asked(address, mesh.mesh_secret(data), tenant, person, *bounds)
    )
    if as_json:
        click.echo(json.dumps({"counts": counts, "median_time_to_act_ms": median_ms}))
        return
    for state, count in counts.items():
        click.echo(f"{state:<12} {count:>8,}")
    click.echo(f"{'in all':<12} {sum(counts.values()):>8,}")
    click.echo(f"median time to act {median_ms / 1000:,.0f} s")


async def _asked(
    address: str, secret: str, tenant: str, person: str, since_ms: int, until_ms: int
) -> tuple[dict[str, int], int]:
    import grpc.aio
    from sentientiq.accountability.v1 import accountability_service_pb2 as pb
    from sentientiq.accountability.v1 import accountability_service_pb2_grpc as rpc

    from services.common.auth import make_token
    from services.common.channels import connect

    request = pb.GetScorecardRequest(
        tenant_id=tenant, person_id=person, since_ms=since_ms, until_ms=until_ms
    )
    async with connect(address, make_token(secret, subject="cli")) as channel:
        try:
            card = await rpc.AccountabilityServiceStub(channel).GetScorecard(request)
        except grpc.aio.AioRpcError as error:
            raise CliError(f"accountability at {address}: {error.details()}") from error
    prefix = "RECOMMENDATION_STATE_"
    names = {
        row.state: pb.RecommendationState.Name(row.state).removeprefix(prefix).lower()
        for row in card.counts
    }
    return {names[row.state]: row.count for row in card.counts}, card.median_time_to_act_ms
