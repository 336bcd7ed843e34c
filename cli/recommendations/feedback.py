"""What people said of emotions, read from accountability."""

from __future__ import annotations

from typing import Any

from cli.calibrate.feedback import Said


async def read_all(stub: Any, tenant: str) -> list[Said]:
    """Every emotion that somebody spoke about, once: as it was at the last decision about it."""
    from sentientiq.accountability.v1 import accountability_service_pb2 as pb

    request = pb.ListFeedbackRequest(tenant_id=tenant, page_size=1000)
    found: dict[str, Said] = {}
    while True:
        answer = await stub.ListFeedback(request)
        for one in answer.feedback:
            said = Said(
                one.session_id,
                one.emotion_id,
                one.emotion,
                one.confidence,
                one.log_odds,
                one.calibration,
                one.right,
            )
            found[one.emotion_id] = said
        request.page_token = answer.next_page_token
        if not request.page_token:
            return list(found.values())
