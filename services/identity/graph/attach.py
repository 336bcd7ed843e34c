"""A session's place in the graph, changed in the transaction that changes the session."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from services.identity.fold import Entry
from services.identity.graph import history, link_store
from services.identity.graph.attribution import STATED, Joined
from services.identity.graph.joins import ConcernsOthers, Joins
from services.identity.graph.link_store import Standing
from services.identity.graph.node import node
from services.identity.graph.rules import GraphRules
from services.identity.graph.told import told
from services.identity.privacy.vault import Vault
from services.identity.tenant_documents import TenantDocuments


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of a session: its identifies, and what the edge told of its browser."""

    session_id: str
    entries: Collection[Entry]
    before: Standing
    visitor_id: str = ""
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a session stands now."""

    user_id: str
    """Whose it is or is taken for; empty: nobody's."""
    standing: Standing
    others: Collection[str] = ()
    """Other sessions that are somebody else's by it."""


class Attach:
    """Puts sessions into the graph."""

    def __init__(self, vault: Vault, rules: TenantDocuments[GraphRules]) -> None:
        self._vault = vault
        self._rules = rules
        self.joined = 0
        self.parted = 0
        self.waited = 0

    async def place(
        self, connection: Any, tenant_id: str, said: Collection[Said], *, alone: bool
    ) -> list[Placed]:
        """Place locked sessions anew; their versions are for the caller to raise.

        Raises:
            ConcernsOthers: begin the transaction anew with `alone`.
        """
        rules = self._rules.of(tenant_id)
        joins = Joins(connection, tenant_id, rules, alone)
        index = await self._vault.index(connection, tenant_id)
        nodes = [
            node(
                one.session_id,
                one.visitor_id or one.before.visitor_id,
                min(filter(None, (one.since_ms, one.before.began_ms)), default=0),
                told(one.entries, rules, index.identifier),
            )
            for one in said
        ]
        placed: list[Placed] = []
        try:
            await joins.lock(nodes)
            for one, found in zip(said, nodes, strict=True):
                settled = await joins.settle(found)
                stands = Standing(found.visitor_id, found.began_ms, settled.joined)
                await link_store.write_standing(connection, tenant_id, one.session_id, stands)
                await self.note(connection, tenant_id, settled.others)
                user_id = found.user_id or settled.joined.user_id
                placed.append(Placed(user_id, stands, settled.others))
        except ConcernsOthers:
            self.waited += 1
            raise
        return placed

    async def note(self, connection: Any, tenant_id: str, changed: Mapping[str, Joined]) -> None:
        """Record whose sessions were found to be, and tell those who watch."""
        await history.record(
            connection,
            tenant_id,
            {session_id: (joined.user_id, joined.by) for session_id, joined in changed.items()},
        )
        self.joined += sum(bool(joined.user_id) for joined in changed.values())
        self.parted += sum(not joined.user_id for joined in changed.values())

    async def note_own(
        self, connection: Any, tenant_id: str, session_id: str, placed: Placed, *, stated: bool
    ) -> None:
        """Record that a session is somebody else's than before."""
        why = STATED if stated else placed.standing.joined.by
        await history.record(connection, tenant_id, {session_id: (placed.user_id, why)})
