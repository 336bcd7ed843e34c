"""`POST /v1/transactions/{tenant}`: a server's webhook, carried to identity, who verifies it."""

from __future__ import annotations

import time
from math import ceil
from typing import Any

import grpc
import grpc.aio
from sentientiq.identity.v1 import identity_service_pb2 as pb
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.sources import FORWARDED
from edge.worker import Worker
from services.common import logs
from services.common.http import CLOSE, BadBody, read_body

_log = logs.get(__name__)
_MOST_BYTES = 512 * 1024
_TIMEOUT_S = 10.0
_AGAIN_S = "2"
_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.ALREADY_EXISTS: 409,
}


class TransactionHook:
    """Takes webhooks of transactions."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def take(self, request: Request) -> Response:
        """POST: answer when identity has recorded all of it, or said why not."""
        peer = request.client.host if request.client else ""
        source = self._worker.sources.of(peer, request.headers.getlist(FORWARDED))
        # Whoever calls is not known before identity has looked, so only the address counts.
        limits, now_s = self._worker.limits, time.monotonic()
        wait_s = limits.request(source, now_s) or limits.calls(f"transactions {source}", 1, now_s)
        if wait_s:
            return _refusal(429, "too many requests", str(ceil(wait_s)))
        try:
            body = await read_body(request, _MOST_BYTES)
        except BadBody as error:
            return JSONResponse({"error": str(error)}, error.status, CLOSE)
        headers = request.headers
        delivery = pb.DeliverTransactionsRequest(
            tenant_id=request.path_params["tenant"],
            webhook_id=headers.get("webhook-id", ""),
            webhook_timestamp=headers.get("webhook-timestamp", ""),
            webhook_signature=headers.get("webhook-signature", ""),
            body=body,
        )
        try:
            identity: Any = self._worker.identity
            done = await identity.DeliverTransactions(delivery, timeout=_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            status = _STATUS.get(error.code())
            if status is None:
                _log.warning("transactions not delivered", code=error.code().name)
                return _refusal(503, "identity does not answer, send it again", _AGAIN_S)
            return _refusal(status, error.details() or "")
        return JSONResponse({"recorded": done.recorded, "repeated": done.repeated})


def _refusal(status: int, message: str, retry_after_s: str = "") -> Response:
    headers = {"Retry-After": retry_after_s} if retry_after_s else None
    return JSONResponse({"error": message}, status, headers)
