"""Which of the team's addresses can be written to: one that is off reaches nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentientiq.tenant.v1 import tenant_service_pb2 as pb

from services.common import logs
from services.intervention.database import FAILURES, briefly
from services.intervention.sending.secrets import Sealer
from services.intervention.store.endpoints import off_among

_TIMEOUT_S = 0.25
_log = logs.get(__name__)


class Addresses:
    """Leaves out of a team the channels whose address is off."""

    def __init__(self, pool: Any, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer
        self._off: dict[str, frozenset[str]] = {}

    async def open_of(self, tenant_id: str, people: Sequence[pb.Person]) -> list[pb.Person]:
        """The team with the channels that are not off.

        While PostgreSQL is away, by what was last known: a message to an address that is off ends
        as a dead letter, but one that is not written ends nowhere.
        """
        hashes = {
            (one.kind, one.address): self._sealer.endpoint_hash(one.kind, one.address)
            for person in people
            for one in person.channels
        }
        if not hashes:
            return list(people)
        try:
            async with briefly(self._pool, _TIMEOUT_S) as connection:
                off = await off_among(connection, tenant_id, hashes.values())
        except FAILURES as error:
            _log.warning("addresses that are off not asked", tenant=tenant_id, error=repr(error))
            off = self._off.get(tenant_id, frozenset())
        else:
            self._off[tenant_id] = off
        return [_without(person, hashes, off) for person in people] if off else list(people)


def _without(
    person: pb.Person, hashes: dict[tuple[str, str], str], off: frozenset[str]
) -> pb.Person:
    left = [one for one in person.channels if hashes[one.kind, one.address] not in off]
    if len(left) == len(person.channels):
        return person
    made = pb.Person()
    made.CopyFrom(person)
    del made.channels[:]
    made.channels.extend(left)
    return made
