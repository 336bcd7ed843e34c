"""What identity knows of tenants' teams, and what tenants say of them; asked every 5 s at most."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol, TypeVar

import grpc
import grpc.aio
from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as rpc

from services.accountability.document import BUILTIN, DocumentError, Rules, parse_document
from services.accountability.terms import Person
from services.common import logs
from services.common.errors import Unavailable

T = TypeVar("T")
KIND = "accountability"
_FRESH_S = 5.0
_DEADLINE_S = 2.0
_log = logs.get(__name__)


class Teams(Protocol):
    """Who works for a tenant, and by which rules. Both raise Unavailable for the moment."""

    async def rules(self, tenant_id: str) -> Rules:
        """What the tenant says."""
        ...

    async def person(self, tenant_id: str, person_id: str) -> Person | None:
        """Somebody of the team; None: there is nobody of this id."""
        ...


class NoTeams:
    """Where no identity service is named: everybody exists, works in UTC, by the builtin rules."""

    async def rules(self, tenant_id: str) -> Rules:
        """The builtin ones."""
        return BUILTIN

    async def person(self, tenant_id: str, person_id: str) -> Person | None:
        """Whoever is asked for."""
        return Person(person_id)


class KnownTeams:
    """Teams and rules from identity, kept for a moment."""

    def __init__(
        self, channel: grpc.aio.Channel, monotonic_s: Callable[[], float] = monotonic
    ) -> None:
        self._stub = rpc.TenantServiceStub(channel)
        self._monotonic_s = monotonic_s
        self._rules: dict[str, tuple[float, Rules]] = {}
        self._people: dict[str, tuple[float, dict[str, Person]]] = {}
        self.invalid_documents = 0

    async def rules(self, tenant_id: str) -> Rules:
        """What the tenant says; a document that cannot be used leaves the last good one."""
        return await self._kept(self._rules, tenant_id, self._ask_rules)

    async def person(self, tenant_id: str, person_id: str) -> Person | None:
        """Somebody of the team."""
        return (await self._kept(self._people, tenant_id, self._ask_people)).get(person_id)

    async def _kept(
        self,
        kept: dict[str, tuple[float, T]],
        tenant_id: str,
        ask: Callable[[str], Awaitable[T]],
    ) -> T:
        known = kept.get(tenant_id)
        if known is not None and self._monotonic_s() < known[0]:
            return known[1]
        found = await ask(tenant_id)
        kept[tenant_id] = (self._monotonic_s() + _FRESH_S, found)
        return found

    async def _ask_rules(self, tenant_id: str) -> Rules:
        request = pb.GetConfigRequest(tenant_id=tenant_id, kind=KIND)
        try:
            document = (await self._stub.GetConfig(request, timeout=_DEADLINE_S)).document
        except grpc.aio.AioRpcError as error:
            if error.code() in _NONE:
                return BUILTIN
            raise Unavailable(f"identity did not tell the rules: {error.code().name}") from error
        version = f"tenant@{document.version}"
        try:
            return parse_document(version, document.body)
        except DocumentError as error:
            self.invalid_documents += 1
            _log.error("document refused", tenant=tenant_id, version=version, error=str(error))
            known = self._rules.get(tenant_id)
            return known[1] if known else BUILTIN

    async def _ask_people(self, tenant_id: str) -> dict[str, Person]:
        request = pb.ListPeopleRequest(tenant_id=tenant_id)
        try:
            answer = await self._stub.ListPeople(request, timeout=_DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            if error.code() in _NONE:
                return {}
            raise Unavailable(f"identity did not list people: {error.code().name}") from error
        return {one.person_id: Person(one.person_id, one.role, one.zone) for one in answer.people}


# A tenant that is gone, or one whose name identity would never take, has nothing to say.
_NONE = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
