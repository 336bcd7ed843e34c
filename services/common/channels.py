"""Client channels to the other services: token and deadline on every call.

Inside a handler a call waits no longer than the handler's own caller does: see deadlines.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from services.common import deadlines, tracing

DEFAULT_DEADLINE_S = 5.0

_OPTIONS = [
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # In spite of its name, what an attempt to connect is given before it counts as failed; one that
    # is refused is tried again after the backoffs above. Loopback too can take a tenth of a second.
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # A pod that is replaced keeps its name and changes its address; by default a name is not asked
    # for again within 30 s.
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A process that restarts on the same port must be found at once, not by the shared subchannel.
    ("grpc.use_local_subchannel_pool", 1),
]


def _with_token(details: Any, token: str, deadline_s: float | None) -> Any:
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    metadata.add("authorization", f"Bearer {token}")
    here = tracing.current()
    if here is not None:
        metadata.add(tracing.HEADER, here.traceparent)
    own_s = details.timeout if details.timeout is not None else deadline_s
    return details._replace(metadata=metadata, timeout=deadlines.within(own_s))


class _Unary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(
            _with_token(client_call_details, self._token, DEFAULT_DEADLINE_S), request
        )


class _ServerStream(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(_with_token(client_call_details, self._token, None), request)


class _ClientStream(grpc.aio.StreamUnaryClientInterceptor):
    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_stream_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await continuation(
            _with_token(client_call_details, self._token, None), request_iterator
        )


class _BidiStream(grpc.aio.StreamStreamClientInterceptor):
    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await continuation(
            _with_token(client_call_details, self._token, None), request_iterator
        )


def bearer(token: str) -> grpc.aio.Metadata:
    """What `connect` adds to each call, for a call that `rpc.client` makes."""
    return grpc.aio.Metadata(("authorization", f"Bearer {token}"))


def connect(address: str, token: str) -> grpc.aio.Channel:
    """Open a lazy channel; unary calls without a deadline of their own get 5 seconds."""
    return grpc.aio.insecure_channel(
        address,
        options=_OPTIONS,
        interceptors=[
            _Unary(token),
            _ServerStream(token),
            _ClientStream(token),
            _BidiStream(token),
        ],
    )
