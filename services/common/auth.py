"""Bearer tokens and the one interceptor: who calls, for which tenant, and how errors answer.

A token is a JWT signed with the mesh secret: `tenant` names a tenant or "*", `role` is "mesh"
(our own processes), "operator" or "team". mTLS in a cluster comes on top.
"""

from __future__ import annotations

import contextvars
import inspect
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import grpc
import grpc.aio
import jwt
from google.protobuf.message import DecodeError

from services.common import deadlines, logs, tracing
from services.common.errors import InvalidArgument, PermissionDenied, ServiceError, Unauthenticated
from services.common.scopes import allowed, scope_of

ANY_TENANT = "*"
_OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.")
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls."""

    subject: str
    tenant_id: str
    role: str
    scopes: frozenset[str] | None = None
    """What the token is good for (scopes.py); None: whatever its role may."""

    def require_tenant(self, tenant_id: str) -> None:
        """Raise PermissionDenied unless the token reaches the tenant."""
        if self.tenant_id not in (ANY_TENANT, tenant_id):
            raise ForeignTenant(self, tenant_id)

    def require_role(self, *roles: str) -> None:
        """Raise PermissionDenied unless the token has one of the roles."""
        if self.role not in roles:
            raise PermissionDenied(f"needs role {' or '.join(roles)}, the token has {self.role!r}")


class ForeignTenant(PermissionDenied):
    """A token of one tenant reached for another."""

    def __init__(self, caller: Principal, tenant_id: str) -> None:
        super().__init__(f"the token is not for tenant {tenant_id!r}")
        self.caller = caller
        self.tenant_id = tenant_id


Denied = Callable[[ForeignTenant, str], Awaitable[None]]
"""Told of each attempt, with the RPC's name, before it is answered."""

_current: contextvars.ContextVar[Principal | None] = contextvars.ContextVar("principal")


def calling() -> Principal | None:
    """Who called the RPC being served; None in what runs beside the calls."""
    return _current.get(None)


def principal() -> Principal:
    """Who called the RPC being served."""
    current = _current.get(None)
    if current is None:
        raise Unauthenticated("no caller in this context")
    return current


def make_token(
    secret: str,
    *,
    subject: str,
    tenant_id: str = ANY_TENANT,
    role: str = "mesh",
    lifetime_s: int = 30 * 24 * 3600,
    scopes: Collection[str] = (),
) -> str:
    """Sign a token; without scopes it is good for whatever its role may."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "sub": subject,
        "tenant": tenant_id,
        "role": role,
        "iat": now,
        "exp": now + lifetime_s,
    }
    if scopes:
        claims["scope"] = " ".join(scopes)
    return jwt.encode(claims, secret, algorithm="HS256")


def read_token(secret: str, token: str) -> Principal:
    """Verify a token.

    Raises:
        Unauthenticated: it is malformed, expired or signed with another secret.
    """
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            options={"require": ["sub", "tenant", "role", "exp"]},
        )
    except jwt.InvalidTokenError as error:
        raise Unauthenticated(f"bearer token refused: {error}") from error
    scopes = frozenset(str(claims["scope"]).split()) if "scope" in claims else None
    return Principal(str(claims["sub"]), str(claims["tenant"]), str(claims["role"]), scopes)


def _parse(parse: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return parse(data)
    except DecodeError as error:
        raise InvalidArgument("the request is not a message of this RPC") from error


async def _parsed(
    parse: Callable[[bytes], Any], stream: AsyncIterator[bytes]
) -> AsyncIterator[Any]:
    """Requests of a stream, parsed."""
    async for data in stream:
        yield _parse(parse, data)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where messages of a type name tenants: worked out once, since every call is looked at."""

    own: bool
    within: tuple[tuple[str, _Places], ...]


@cache
def _places(descriptor: Any, above: frozenset[str] = frozenset()) -> _Places:
    within: list[tuple[str, _Places]] = []
    for field in descriptor.fields:
        inner = field.message_type
        if inner is None or field.is_repeated or inner.full_name in above:
            continue
        found = _places(inner, above | {descriptor.full_name})
        if found.own or found.within:
            within.append((field.name, found))
    return _Places("tenant_id" in descriptor.fields_by_name, tuple(within))


def _tenants_of(request: Any, places: _Places | None = None) -> Iterator[str]:
    """Every tenant that a request names, itself or in a message it carries."""
    if request is None:
        return
    found = _places(request.DESCRIPTOR) if places is None else places
    if found.own and request.tenant_id:
        yield request.tenant_id
    for name, inner in found.within:
        if request.HasField(name):
            yield from _tenants_of(getattr(request, name), inner)


class ServerInterceptor:
    """Authenticates every call, checks `tenant_id` of unary requests, maps errors to statuses."""

    def __init__(self, secret: str, denied: Denied | None = None) -> None:
        self._secret = secret
        self._denied = denied
        # Tokens repeat with every call; verifying one costs more than serving many a request.
        self._known: dict[str, tuple[Principal, float]] = {}
        self.unexpected_errors = 0
        self.refused: Counter[str] = Counter()

    def wrap(self, method: str, handler: Any) -> Any:
        """Put the checks before a method's handler."""
        return handler if method.startswith(_OPEN_SERVICES) else self._wrapped(handler, method)

    def _wrapped(self, handler: Any, method: str) -> Any:
        if handler.response_streaming:
            wrapped = self._streaming(handler, method)
            make: Any = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
        else:
            wrapped = self._unary(handler, method)
            make = (
                grpc.stream_unary_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_unary_rpc_method_handler
            )
        # Requests come as bytes and are parsed here: what is no message gets a status like any
        # other mistake, and no traceback of the library's.
        return make(wrapped, None, handler.response_serializer)

    def _authenticate(self, metadata: dict[Any, Any]) -> Principal:
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("send metadata `authorization: Bearer <token>`")
        known = self._known.get(token)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        caller = read_token(self._secret, token)
        if len(self._known) >= 1024:
            self._known.clear()
        self._known[token] = (caller, time.monotonic() + 60)
        return caller

    def _admit(self, method: str, caller: Principal, request: Any) -> None:
        if not allowed(caller.scopes, method):
            raise PermissionDenied(f"the token has no scope {scope_of(method)}")
        for tenant_id in _tenants_of(request):
            caller.require_tenant(tenant_id)
        _current.set(caller)

    def _unary(self, handler: Any, method: str) -> Any:
        behavior = handler.stream_unary if handler.request_streaming else handler.unary_unary

        parse = handler.request_deserializer

        async def call(data: Any, context: Any) -> Any:
            deadlines.begin(context.time_remaining())
            metadata: dict[Any, Any] = dict(context.invocation_metadata() or ())
            try:
                if handler.request_streaming:
                    self._admit(method, self._authenticate(metadata), None)
                    return await behavior(_parsed(parse, data), context)
                caller = self._authenticate(metadata)
                request = _parse(parse, data)
                self._admit(method, caller, request)
                if not tracing.enabled():
                    return await behavior(request, context)
                with tracing.span(method[1:], tracing.from_metadata(metadata), kind="server"):
                    return await behavior(request, context)
            except Exception as error:
                await self._end(method, error, context)

        return call

    def _streaming(self, handler: Any, method: str) -> Any:
        if handler.request_streaming and inspect.iscoroutinefunction(handler.stream_stream):
            return self._conversation(handler.stream_stream, method)
        behavior = handler.stream_stream if handler.request_streaming else handler.unary_stream

        parse = handler.request_deserializer

        async def call(data: Any, context: Any) -> AsyncIterator[Any]:
            deadlines.begin(context.time_remaining())
            metadata: dict[Any, Any] = dict(context.invocation_metadata() or ())
            try:
                caller = self._authenticate(metadata)
                request = _parsed(parse, data) if handler.request_streaming else _parse(parse, data)
                self._admit(method, caller, None if handler.request_streaming else request)
                async for response in behavior(request, context):
                    yield response
            except Exception as error:
                await self._end(method, error, context)

        return call

    def _conversation(self, behavior: Callable[[Any, Any], Awaitable[None]], method: str) -> Any:
        """A stream both ways whose handler reads and writes by itself, in bytes."""

        async def call(requests: Any, context: Any) -> None:
            deadlines.begin(context.time_remaining())
            metadata: dict[Any, Any] = dict(context.invocation_metadata() or ())
            try:
                self._admit(method, self._authenticate(metadata), None)
                await behavior(requests, context)
            except Exception as error:
                await self._end(method, error, context)

        return call

    async def _end(self, method: str, error: Exception, context: Any) -> None:
        """End a call that failed with the status of its error."""
        if isinstance(error, ServiceError):
            self.refused[error.code] += 1
            if isinstance(error, ForeignTenant):
                await self._tell_denied(error, method)
            await context.abort(grpc.StatusCode[error.code], str(error))
        elif isinstance(error, (grpc.aio.AbortError, grpc.aio.BaseError)):
            raise error
        else:
            # The process boundary: log, count, answer without a traceback.
            await self._unexpected(method, error, context)

    async def _tell_denied(self, error: ForeignTenant, method: str) -> None:
        """Each attempt leaves a record; in the log, where this process keeps no audit."""
        if self._denied is not None:
            await self._denied(error, method)
            return
        _log.warning(
            "access to another tenant denied",
            method=method,
            actor=error.caller.subject,
            token_tenant=error.caller.tenant_id,
            asked_tenant=error.tenant_id,
        )

    async def _unexpected(self, method: str, error: Exception, context: Any) -> None:
        self.unexpected_errors += 1
        _log.error("rpc failed", method=method, exc_info=error)
        await context.abort(grpc.StatusCode.INTERNAL, "internal error, logged")
