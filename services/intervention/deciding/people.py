"""Who of the tenant's team should act. The list is asked for at most every 5 seconds a tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
import grpc.aio
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.tenant.v1 import tenant_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as rpc

from services.common import logs
from services.common.errors import Unavailable
from services.intervention.deciding.addresses import Addresses
from services.intervention.sending.lanes import CHANNELS

_FRESH_S = 5.0
_DEADLINE_S = 1.0
_log = logs.get(__name__)


@dataclass(slots=True)
class _Team:
    people: Sequence[pb.Person]
    at_s: float


class People:
    """The teams of all tenants, cached. While identity is away the last known list serves."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        monotonic: Callable[[], float],
        addresses: Addresses | None = None,
    ) -> None:
        """`addresses` tells which are off; None: none is."""
        self._stub = rpc.TenantServiceStub(channel)
        self._addresses = addresses
        self._monotonic = monotonic
        self._teams: dict[str, _Team] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.stale_answers = 0

    async def of(self, tenant_id: str) -> Sequence[pb.Person]:
        """The tenant's people, without channels whose address is off.

        Raises:
            Unavailable: identity is away and nothing is known yet.
        """
        async with self._locks.setdefault(tenant_id, asyncio.Lock()):
            team = self._teams.get(tenant_id)
            if team is not None and self._monotonic() - team.at_s < _FRESH_S:
                return team.people
            try:
                # An alert is worth waiting for a channel that is just being opened again.
                answer = await self._stub.ListPeople(
                    pb.ListPeopleRequest(tenant_id=tenant_id),
                    timeout=_DEADLINE_S,
                    wait_for_ready=True,
                )
            except grpc.aio.AioRpcError as error:
                if team is None:
                    raise Unavailable(
                        f"identity did not list people: {error.code().name}"
                    ) from error
                self.stale_answers += 1
                _log.warning("people from cache", tenant=tenant_id, code=error.code().name)
                # For a while: else each caller waits for the deadline, one after the other.
                self._teams[tenant_id] = _Team(list(team.people), self._monotonic())
                return team.people
            people = list(answer.people)
            if self._addresses is not None:
                people = await self._addresses.open_of(tenant_id, people)
            self._teams[tenant_id] = _Team(people, self._monotonic())
            return people


def reachable_channels(person: pb.Person) -> list[pb.Channel]:
    """The channels this service can use, in the person's order, each address once."""
    seen: set[tuple[str, str]] = set()
    usable: list[pb.Channel] = []
    for channel in person.channels:
        key = (channel.kind, channel.address)
        if channel.kind in CHANNELS and channel.address and key not in seen:
            seen.add(key)
            usable.append(channel)
    return usable


def pick_person(
    people: Sequence[pb.Person], to: Sequence[str], identity: identity_pb2.UserIdentity
) -> pb.Person | None:
    """The first of `to` ("owner", "role:NAME") who has a channel; None if nobody has."""
    for wanted in to:
        for person in people:
            if _is(person, wanted, identity) and reachable_channels(person):
                return person
    return None


def _is(person: pb.Person, wanted: str, identity: identity_pb2.UserIdentity) -> bool:
    if wanted != "owner":
        return person.role == wanted.removeprefix("role:")
    if identity.owner_person_id:
        return person.person_id == identity.owner_person_id
    return bool(identity.company) and identity.company in person.owns_companies
