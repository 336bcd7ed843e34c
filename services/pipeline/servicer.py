"""QueryService: protobuf in, protobuf out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sentientiq.analytics.v1 import query_service_pb2 as pb
from sentientiq.analytics.v1 import query_service_pb2_grpc as rpc

from services.common.auth import principal
from services.common.errors import InvalidArgument
from services.pipeline.reports import Reports
from services.pipeline.tail import Tails


class QueryServicer(rpc.QueryServiceServicer):
    """Answers named reports, and lets a team look on."""

    def __init__(self, reports: Reports, tails: Tails) -> None:
        self._reports = reports
        self._tails = tails

    async def RunReport(self, request: pb.RunReportRequest, context: Any) -> pb.RunReportResponse:
        _require_tenant(request.tenant_id)
        table = await self._reports.run(request.tenant_id, request.report, dict(request.parameters))
        return pb.RunReportResponse(arrow=table.arrow, rows=table.rows)

    async def TailEmotions(
        self, request: pb.TailEmotionsRequest, context: Any
    ) -> AsyncIterator[pb.TailEmotionsResponse]:
        principal().require_role("team", "operator", "mesh")
        _require_tenant(request.tenant_id)
        with self._tails.room():
            place = await self._tails.end()
            await context.send_initial_metadata(())  # from here on nothing is missed
            async for emotion, after_gap in self._tails.follow(request.tenant_id, place):
                yield pb.TailEmotionsResponse(emotion=emotion, after_gap=after_gap)


def _require_tenant(tenant_id: str) -> None:
    if not tenant_id:
        raise InvalidArgument("tenant_id is empty: name the tenant")
