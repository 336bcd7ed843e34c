"""QueryService: protobuf in, protobuf out."""

from __future__ import annotations

from typing import Any

from sentientiq.analytics.v1 import query_service_pb2 as pb
from sentientiq.analytics.v1 import query_service_pb2_grpc as rpc

from services.common.errors import InvalidArgument
from services.pipeline.reports import Reports


class QueryServicer(rpc.QueryServiceServicer):
    """Answers named reports."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def RunReport(self, request: pb.RunReportRequest, context: Any) -> pb.RunReportResponse:
        if not request.tenant_id:
            raise InvalidArgument("tenant_id is empty: name the tenant")
        table = await self._reports.run(request.tenant_id, request.report, dict(request.parameters))
        return pb.RunReportResponse(arrow=table.arrow, rows=table.rows)
