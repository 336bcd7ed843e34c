"""A pipeline that starts while the log is away: what is stored can be asked for all the same."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
import pytest
from sentientiq.analytics.v1 import query_service_pb2 as apb

from services.common.log import BEHAVIOR
from tests.integration.pipeline_line import Line, running_line
from tests.unit.services.pipeline.messages import batch


@pytest.mark.parametrize("scheme", ["redis", "kafka"])
async def test_reports_are_answered_and_tails_are_told(
    scheme: str, unused_tcp_port: int, log_url: str, tmp_path: Path
) -> None:
    async with running_line(log_url, tmp_path) as before:
        await before.append(BEHAVIOR, batch(1, tenant="stored"))
        await before.drained()
        stored = await before.counts("stored")
    line = Line(f"{scheme}://127.0.0.1:{unused_tcp_port}", tmp_path)
    await line.start()
    try:
        assert await line.counts("stored") == stored
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async for _ in line.stub.TailEmotions(apb.TailEmotionsRequest(tenant_id="stored")):
                pass
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    finally:
        await line.close()
