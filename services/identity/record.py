"""One transaction: an identify is recorded, its session folded anew and put into the graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from services.identity.change_feed import announce
from services.identity.company.rules import Rules
from services.identity.fold import fold
from services.identity.graph import history, link_store
from services.identity.graph.attach import Attach, Placed, Said
from services.identity.graph.joins import ConcernsOthers
from services.identity.identity_store import IdentityStore
from services.identity.model import Assurance, Envelope, Facts, Resolved
from services.identity.value.value_feed import CHANNEL as VALUE_CHANNEL


@dataclass(frozen=True, slots=True)
class Stated:
    """An identify, opened and judged."""

    envelope: Envelope
    assurance: Assurance
    facts: Facts


async def record(
    identities: IdentityStore, attach: Attach, stated: Stated, rules: Rules
) -> Collection[str] | None:
    """Record an identify and what follows from it.

    Returns the sessions of which something has changed; None if it was recorded before.

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
) -> Collection[str] | None:
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
            return None
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
            await raised(identities, attach, connection, session, after, one, place)
    return [*before, *(session_id for place in placed for session_id in place.others)]


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


async def raised(
    identities: IdentityStore,
    attach: Attach,
    connection: Any,
    before: Resolved,
    after: Resolved,
    said: Said,
    place: Placed,
    *,
    always: bool = False,
) -> None:
    """Write the identity, with a greater version if it is another, and tell of it.

    `always`: even if it is the same.
    """
    was = before.identity.user_id or said.before.joined.user_id
    if not always and after.identity == before.identity and was == place.user_id:
        return
    version = before.version
    if was != place.user_id:
        version = await identities.held_version(connection, before, was)
    await identities.save(connection, replace(after, version=version + 1))
    tenant_id, session_id = after.tenant_id, after.session_id
    stated = after.identity.user_id
    if was == place.user_id:
        await announce(connection, history.CHANNEL, tenant_id, [session_id])
    else:
        await attach.note_own(connection, tenant_id, session_id, place, stated=bool(stated))
    # Whoever is taken for a user is what the user's sessions say.
    users = {user for user in (before.identity.user_id, stated) if user}
    if users:
        await announce(connection, VALUE_CHANNEL, tenant_id, sorted(users))
