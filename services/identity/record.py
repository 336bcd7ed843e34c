"""One transaction: an identify is recorded, its session folded anew and put into the graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from services.identity.company.rules import Rules
from services.identity.fold import fold
from services.identity.graph import link_store
from services.identity.graph.attach import Attach, Placed, Said
from services.identity.graph.joins import ConcernsOthers
from services.identity.identity_store import IdentityStore
from services.identity.model import Assurance, Envelope, Facts, Resolved


@dataclass(frozen=True, slots=True)
class Stated:
    """An identify, opened and judged."""

    envelope: Envelope
    assurance: Assurance
    facts: Facts


async def record(identities: IdentityStore, attach: Attach, stated: Stated, rules: Rules) -> bool:
    """Record an identify and what follows from it; False if it was recorded before.

    Raises:
        NotFound: no such tenant.
        Unavailable: PostgreSQL is away.
    """
    try:
        return await _record(identities, attach, stated, rules, alone=False)
    except ConcernsOthers:
        return await _record(identities, attach, stated, rules, alone=True)


async def _record(
    identities: IdentityStore, attach: Attach, stated: Stated, rules: Rules, *, alone: bool
) -> bool:
    """In one transaction; raises ConcernsOthers if it has to be begun anew with `alone`."""
    envelope = stated.envelope
    tenant_id = envelope.tenant_id
    async with identities.database.transaction() as connection:
        await link_store.lock_tenant(connection, tenant_id, alone=alone)
        before = {
            session_id: await identities.lock(connection, tenant_id, session_id)
            for session_id in _sessions(envelope)
        }
        if not await identities.add(connection, envelope, stated.assurance, stated.facts):
            return False
        said = [
            Said(
                session_id,
                await identities.entries(connection, tenant_id, session_id),
                await link_store.standing(connection, tenant_id, session_id),
                envelope.visitor_id,
                _since(envelope, session_id),
            )
            for session_id in before
        ]
        placed = await attach.place(connection, tenant_id, said, alone=alone)
        for one, place in zip(said, placed, strict=True):
            identity = fold(one.entries, rules)
            session = before[one.session_id]
            after = replace(session, identity=identity)
            if await _raised(identities, connection, session, after, one, place):
                await attach.note_own(
                    connection, tenant_id, one.session_id, place, stated=bool(identity.user_id)
                )
    return True


def _sessions(envelope: Envelope) -> Iterable[str]:
    """The sessions that an identify changes, always in the same order: its own, and the one with
    which its browser began, of which nobody may have heard."""
    sessions = {envelope.session_id}
    if envelope.visitor_since_ms:
        sessions.add(envelope.visitor_id)
    return sorted(sessions)


def _since(envelope: Envelope, session_id: str) -> int:
    """When the session was there already, as far as the edge knows."""
    if session_id == envelope.session_id:
        return 0 if envelope.sealed else envelope.occurred_at_ms
    return envelope.visitor_since_ms


async def _raised(
    identities: IdentityStore,
    connection: Any,
    before: Resolved,
    after: Resolved,
    said: Said,
    place: Placed,
) -> bool:
    """Write the identity, with a greater version if it is another. True if it is another user."""
    was = before.identity.user_id or said.before.joined.user_id
    if after.identity == before.identity and was == place.user_id:
        return False
    version = before.version
    if was != place.user_id:
        version = await identities.held_version(connection, before, was)
    await identities.save(connection, replace(after, version=version + 1))
    return was != place.user_id
