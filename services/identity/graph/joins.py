"""Keep the graph true as sessions change: each change costs what it concerns.

Most changes concern their own session alone and run side by side, shutting out only those that
link the same identifiers. One that concerns other sessions is begun anew, alone in its tenant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from services.identity.graph import link_store
from services.identity.graph.attribution import (
    NOBODY,
    SHARED,
    Joined,
    Link,
    companion,
    owner,
    user_of,
    user_person,
)
from services.identity.graph.link_store import Change, Standing
from services.identity.graph.node import Node
from services.identity.graph.rules import EMAIL, VISITOR, GraphRules
from services.identity.graph.told import Identifier
from services.identity.model import Assurance

_SHARED: Final = Joined("", SHARED)


class ConcernsOthers(Exception):
    """The change is to be begun anew, alone in its tenant."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a change."""

    joined: Joined
    others: Mapping[str, Joined]
    """Other sessions that are somebody else's now."""


@dataclass(frozen=True, slots=True)
class Joins:
    """One change of one tenant, in a transaction that has locked the tenant."""

    connection: Any
    tenant_id: str
    rules: GraphRules
    alone: bool

    async def lock(self, nodes: Collection[Node]) -> None:
        """Have others wait who would link what these sessions have or had; before any settles."""
        if self.alone:
            return
        sessions = [node.session_id for node in nodes]
        found = await link_store.links_of_sessions(self.connection, self.tenant_id, sessions)
        links = {link for node in nodes for link in found[node.session_id] | node.links()}
        concerned = {Identifier(link.kind, link.value) for link in links}
        await link_store.lock_identifiers(self.connection, self.tenant_id, concerned)

    async def settle(self, node: Node) -> Settled:
        """Write the links of a session that is locked and has changed, and what follows.

        Raises:
            ConcernsOthers: other sessions are concerned, and the tenant is not locked for it.
        """
        session_id = node.session_id
        found = await link_store.links_of_sessions(self.connection, self.tenant_id, [session_id])
        before = found[session_id]
        joined = NOBODY
        if not node.user_id and node.identifiers:
            judged = await self._by_identifiers({session_id: node.identifiers})
            joined = judged[session_id]
        after = node.links(joined)
        gone, new = before - after, after - before
        await link_store.replace_links(self.connection, self.tenant_id, gone, new)
        if node.silent:
            browser = Identifier(VISITOR, node.browser)
            judged = await self._by_browsers({session_id: (browser, node.began_ms)})
            joined = judged[session_id]
        others = await self._follow(session_id, node.began_ms, gone, new)
        return Settled(joined, others)

    async def _follow(
        self, session_id: str, at_ms: int, gone: Collection[Link], new: Collection[Link]
    ) -> Mapping[str, Joined]:
        """Bring other sessions into line with changed links of this one."""
        changes = _changes(gone, new)
        changes += await self._crowds(gone, new)
        if not changes:
            return {}
        concerned = await link_store.others_concerned(
            self.connection, self.tenant_id, session_id, at_ms, changes, self.rules
        )
        if not concerned:
            return {}
        if not self.alone:
            raise ConcernsOthers
        return await self.again([change.identifier for change in changes], besides=session_id)

    async def again(
        self, identifiers: Iterable[Identifier], *, besides: str = ""
    ) -> Mapping[str, Joined]:
        """Judge anew all sessions that name no user and have the identifiers; returns the changed.

        First those that state something: whose they are decides who was seen in their browsers.
        """
        browsers = {one for one in identifiers if one.kind == VISITOR}
        stated = [one for one in identifiers if one.kind != VISITOR]
        telling = await link_store.seekers(self.connection, self.tenant_id, stated, besides)
        changed = await self._telling(telling, browsers)
        silent = await link_store.seekers(self.connection, self.tenant_id, browsers, besides)
        changed |= await self._silent(silent)
        await link_store.write_joined(self.connection, self.tenant_id, changed)
        return changed

    async def _telling(
        self, sessions: Collection[str], browsers: set[Identifier]
    ) -> dict[str, Joined]:
        """Judge sessions that state something. Adds the browsers in which somebody changed."""
        stands = await link_store.standings_of(self.connection, self.tenant_id, sessions)
        links = await link_store.links_of_sessions(self.connection, self.tenant_id, list(stands))
        nodes = {
            session_id: _seeker(session_id, stands[session_id], found, self.rules)
            for session_id, found in links.items()
        }
        judged = await self._by_identifiers(
            {session_id: node.identifiers for session_id, node in nodes.items()}
        )
        changed: dict[str, Joined] = {}
        gone: set[Link] = set()
        new: set[Link] = set()
        for session_id, joined in judged.items():
            if joined == stands[session_id].joined:
                continue
            changed[session_id] = joined
            before, after = links[session_id], nodes[session_id].links(joined)
            gone |= before - after
            new |= after - before
            browsers.add(Identifier(VISITOR, nodes[session_id].browser))
        await link_store.replace_links(self.connection, self.tenant_id, gone, new)
        # Whoever was seen in fewer or more browsers than before may now join those of others.
        browsers |= {change.identifier for change in await self._crowds(gone, new)}
        return changed

    async def _silent(self, sessions: Collection[str]) -> dict[str, Joined]:
        """Judge sessions that state nothing."""
        stands = await link_store.standings_of(self.connection, self.tenant_id, sessions)
        judged = await self._by_browsers(
            {
                session_id: (
                    Identifier(VISITOR, standing.visitor_id or session_id),
                    standing.began_ms,
                )
                for session_id, standing in stands.items()
            }
        )
        return {
            session_id: joined
            for session_id, joined in judged.items()
            if joined != stands[session_id].joined
        }

    async def _by_identifiers(
        self, asked: Mapping[str, tuple[Identifier, ...]]
    ) -> dict[str, Joined]:
        """Whose sessions are by what they state: the weightiest identifier that tells decides."""
        identifiers = {one for stated in asked.values() for one in stated}
        owners = await self._owners(identifiers)
        judged: dict[str, Joined] = {}
        for session_id, stated in asked.items():
            found = [owners[one] for one in stated]
            likely = next((joined for joined in found if joined.user_id), None)
            judged[session_id] = likely or (_SHARED if _SHARED in found else NOBODY)
        return judged

    async def _owners(self, identifiers: Collection[Identifier]) -> dict[Identifier, Joined]:
        links = await link_store.links_of(self.connection, self.tenant_id, identifiers)
        cuts = await link_store.cuts_of(self.connection, self.tenant_id, identifiers)
        owners = {one: owner(links.get(one, ()), cuts.get(one, ())) for one in identifiers}
        crowded = await self._crowded(owners.values())
        return {one: NOBODY if joined in crowded else joined for one, joined in owners.items()}

    async def _by_browsers(self, asked: Mapping[str, tuple[Identifier, int]]) -> dict[str, Joined]:
        """Whose silent sessions are by who was seen in their browsers."""
        if not self.rules.by_browser:
            return dict.fromkeys(asked, NOBODY)
        browsers = {browser for browser, _ in asked.values()}
        links = await link_store.links_of(self.connection, self.tenant_id, browsers)
        cuts = await link_store.cuts_of(self.connection, self.tenant_id, browsers)
        judged = {
            session_id: companion(
                links.get(browser, ()), at_ms, self.rules.window_ms, cuts.get(browser, ())
            )
            for session_id, (browser, at_ms) in asked.items()
        }
        crowded = await self._crowded(judged.values())
        return {
            session_id: NOBODY if joined in crowded else joined
            for session_id, joined in judged.items()
        }

    async def _crowded(self, likely: Iterable[Joined]) -> set[Joined]:
        """Those of some users who have more values of the kind than a single person has."""
        users = {(joined.user_id, joined.by) for joined in likely if joined.user_id}
        if not users:
            return set()
        counted = await link_store.counts(self.connection, self.tenant_id, users)
        return {
            Joined(user_id, kind)
            for (user_id, kind), count in counted.items()
            if count > self.rules.most_of(kind)
        }

    async def _crowds(self, gone: Collection[Link], new: Collection[Link]) -> list[Change]:
        """All values of users who have just come to have too many, or no longer have."""
        users = {
            (user_of(link.person), link.kind) for link in (*gone, *new) if user_of(link.person)
        }
        if not users:
            return []
        counted = await link_store.counts(self.connection, self.tenant_id, users)
        changes: list[Change] = []
        for (user_id, kind), count in counted.items():
            most = self.rules.most_of(kind)
            # One session changes the count by no more than it has links of the user.
            near = sum(link.person == user_person(user_id) for link in (*gone, *new))
            if most - near < count <= most + near:
                values = await link_store.values_of(self.connection, self.tenant_id, user_id, kind)
                changes += [Change(value) for value in values]
        return changes


def _changes(gone: Collection[Link], new: Collection[Link]) -> list[Change]:
    """What changed for others, by identifier."""
    came: dict[Identifier, set[str]] = {}
    for link in new:
        came.setdefault(Identifier(link.kind, link.value), set()).add(link.person)
    went = {Identifier(link.kind, link.value) for link in gone}
    changes: list[Change] = []
    for identifier in came.keys() | went:
        people = came.get(identifier, set())
        only = user_of(next(iter(people))) if len(people) == 1 and identifier not in went else ""
        # Somebody who looks for a user changes nothing for others who do.
        if people != {""} or identifier in went:
            changes.append(Change(identifier, only))
    return changes


def _seeker(
    session_id: str, standing: Standing, links: Collection[Link], rules: GraphRules
) -> Node:
    """The node of a session that states something but no user, from its links."""
    order = [*(f"id:{name}" for name in rules.ids), EMAIL]
    stated = [link for link in links if link.person == "" and link.kind in order]
    stated.sort(key=lambda link: order.index(link.kind))
    return replace(
        Node(session_id, standing.visitor_id, standing.began_ms, Assurance.CLAIMED),
        assurance=max((link.assurance for link in stated), default=Assurance.ANONYMOUS),
        identifiers=tuple(Identifier(link.kind, link.value) for link in stated),
    )
