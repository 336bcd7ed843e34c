"""Asking the pipeline for a report."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from sentientiq.analytics.v1 import query_service_pb2 as pb
from sentientiq.analytics.v1 import query_service_pb2_grpc as rpc

from cli import mesh
from cli.errors import CliError
from services.common.auth import make_token
from services.common.channels import connect
from services.pipeline.arrow import pa

_DEADLINE_S = 60.0
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def ask(data: Path, tenant: str, report: str, parameters: Mapping[str, str]) -> Any:
    """The answer as an Arrow table.

    Raises:
        CliError: the pipeline does not answer, or refuses; in its own words.
    """
    address = os.environ.get("SIQ_PIPELINE_ADDR") or mesh.require(data).env["SIQ_PIPELINE_ADDR"]
    return asyncio.run(_asked(address, mesh.mesh_secret(data), tenant, report, parameters))


async def _asked(
    address: str, secret: str, tenant: str, report: str, parameters: Mapping[str, str]
) -> Any:
    request = pb.RunReportRequest(tenant_id=tenant, report=report, parameters=parameters)
    async with connect(address, make_token(secret, subject="cli")) as channel:
        try:
            answer = await rpc.QueryServiceStub(channel).RunReport(request, timeout=_DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            if error.code() in _AWAY:
                raise CliError(
                    f"the pipeline does not answer at {address} ({error.details()}): "
                    "is the mesh up, and SIQ_PIPELINE_ADDR right?"
                ) from error
            raise CliError(f"the pipeline refused: {error.details()}") from error
    return pa.ipc.open_stream(answer.arrow).read_all()
