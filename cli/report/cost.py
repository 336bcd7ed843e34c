"""`sentientiq report cost`: what it cost to leave people alone, and the rows behind it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from cli import mesh
from cli.errors import CliError
from cli.options import data_option

if TYPE_CHECKING:
    from sentientiq.accountability.v1 import cost_service_pb2 as pb

T = TypeVar("T")
_EMOTIONS: Final = ("rage", "hesitation", "confusion", "abandonment")
_TIMES: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
_DEADLINE_S: Final = 300.0


@click.command()
@click.option("--tenant", required=True)
@click.option("--emotion", type=click.Choice(_EMOTIONS), help="Of this only.  [default: all]")
@click.option(
    "--outcome", default="purchase", show_default=True, help="docs/cost.md has the kinds."
)
@click.option("--since", type=click.DateTime(_TIMES), help="Decided then or later, UTC.")
@click.option("--until", type=click.DateTime(_TIMES), help="Decided before, UTC.  [default: now]")
@click.option("--holdout", default="", help="[default: the one that held most people]")
@click.option("--rows", is_flag=True, help="The rows behind the figures, a JSON object each.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
@data_option("SIQ_ACCOUNTABILITY_ADDR")
def cost(
    tenant: str, emotion: str | None, outcome: str, since: datetime | None, until: datetime | None,
    holdout: str, rows: bool, as_json: bool, data: Path,
) -> None:  # fmt: skip
    """What leaving people alone cost TENANT: by holdouts, else adjusted, else "cannot tell".

    Talks to SIQ_ACCOUNTABILITY_ADDR with SIQ_MESH_SECRET, else to the mesh that runs on this
    machine. docs/cost.md explains every figure.
    """
    from google.protobuf.json_format import MessageToJson
    from sentientiq.accountability.v1 import cost_service_pb2 as pb

    word = f"EMOTION_KIND_{(emotion or 'unspecified').upper()}"
    question = pb.CostQuestion(
        tenant_id=tenant, emotion=_emotion_kind().Value(word), outcome=outcome,
        since_ms=_ms(since), until_ms=_ms(until), holdout=holdout,
    )  # fmt: skip
    if rows:
        for row in _ask(data, lambda stub: _rows(stub, question)):
            click.echo(MessageToJson(row, indent=None, preserving_proto_field_name=True))
        return
    request = pb.GetIgnoredCostRequest(question=question)
    found = _ask(data, lambda stub: stub.GetIgnoredCost(request, timeout=_DEADLINE_S)).cost
    if as_json:
        click.echo(MessageToJson(found, indent=None, preserving_proto_field_name=True))
    else:
        click.echo(cost_text(found))


def cost_text(found: pb.IgnoredCost) -> str:
    """The verdict for people to read."""
    lines = [found.summary]
    for one in found.money:
        lines += [f"  {one.currency}: cannot tell: {text}" for text in one.missing]
        lines += [f"  {one.currency}: {text}" for text in one.warnings]
    lines += [f"  note: {text}" for text in found.warnings]
    lines += [
        f"  checked: {one.text}" + ("" if one.passed else "  NOT FINE") for one in found.checks
    ]
    by = f", dealt by {found.holdout}" if found.holdout else ""
    lines.append(
        f"  outcome {found.outcome} within {found.window_days:g} days, by {found.unit}{by}; money:"
        f" {found.basis.replace('_', ' ')}; `--rows` shows what it is made of"
    )
    return "\n".join(lines)


async def _rows(stub: Any, question: pb.CostQuestion) -> list[pb.CostRow]:
    from sentientiq.accountability.v1 import cost_service_pb2 as pb

    request = pb.ListIgnoredCostRowsRequest(question=question)
    found: list[pb.CostRow] = []
    async for part in stub.ListIgnoredCostRows(request, timeout=_DEADLINE_S):
        found += part.rows
    return found


def _ask(data: Path, call: Callable[[Any], Awaitable[T]]) -> T:
    """Call CostService.

    Raises:
        CliError: there is none, or the call failed.
    """
    import grpc
    import grpc.aio
    from sentientiq.accountability.v1 import cost_service_pb2_grpc as rpc

    from services.common.auth import make_token
    from services.common.channels import connect

    address = (
        os.environ.get("SIQ_ACCOUNTABILITY_ADDR")
        or mesh.require(data).env["SIQ_ACCOUNTABILITY_ADDR"]
    )
    token = make_token(mesh.mesh_secret(data), subject="cli")

    async def talk() -> T:
        async with connect(address, token) as channel:
            return await call(rpc.CostServiceStub(channel))

    try:
        return asyncio.run(talk())
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNAVAILABLE and "did not answer" not in str(
            error.details()
        ):
            raise CliError(
                f"accountability does not answer at {address}: is the mesh up, and"
                " SIQ_ACCOUNTABILITY_ADDR right?"
            ) from error
        raise CliError(f"accountability refused: {error.details()}") from error


def _emotion_kind() -> Any:
    from sentientiq.detection.v1.emotion_pb2 import EmotionKind

    return EmotionKind


def _ms(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.replace(tzinfo=UTC).timestamp() * 1000)
