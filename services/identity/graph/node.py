"""A session in the graph: what it says, in which browser, and the links that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.identity.graph.attribution import NOBODY, Joined, Link, user_person
from services.identity.graph.rules import VISITOR
from services.identity.graph.told import Identifier, Told
from services.identity.model import Assurance


@dataclass(frozen=True, slots=True)
class Node:
    """What the store keeps of a session."""

    session_id: str
    visitor_id: str
    began_ms: int
    assurance: Assurance
    identifiers: tuple[Identifier, ...] = ()
    users: Mapping[str, Assurance] = field(default_factory=dict[str, Assurance])
    pairs: Mapping[tuple[Identifier, str], Assurance] = field(
        default_factory=dict[tuple[Identifier, str], Assurance]
    )
    user_id: str = ""

    @property
    def browser(self) -> str:
        """Its browser. Where the edge has told of none, the browser began with this session."""
        return self.visitor_id or self.session_id

    @property
    def silent(self) -> bool:
        """Whether it says nothing of anybody."""
        return not self.user_id and not self.identifiers

    def links(self, joined: Joined = NOBODY) -> set[Link]:
        """All links of the session; `joined`: whose it is by one of its identifiers."""
        found = {
            self._link(identifier, user_person(user_id), assurance)
            for (identifier, user_id), assurance in self.pairs.items()
        }
        if not self.user_id:
            found |= {self._link(identifier, "", self.assurance) for identifier in self.identifiers}
        browser = Identifier(VISITOR, self.browser)
        people = {user_person(user_id): proof for user_id, proof in self.users.items()}
        if not self.user_id:
            people.setdefault(self._person(joined), self.assurance)
        return found | {self._link(browser, person, proof) for person, proof in people.items()}

    def _person(self, joined: Joined) -> str:
        """Who it is that names no user."""
        if joined.user_id:
            return user_person(joined.user_id)
        if not self.identifiers:
            return ""
        first = self.identifiers[0]
        return f"{first.kind[0]}:{first.kind}:{first.value}"

    def _link(self, identifier: Identifier, person: str, assurance: Assurance) -> Link:
        return Link(
            self.session_id, identifier.kind, identifier.value, person, assurance, self.began_ms
        )


def node(session_id: str, visitor_id: str, since_ms: int, said: Told) -> Node:
    """Make the node; `since_ms`: when the edge first saw the session, 0 if it did not say."""
    moments = [moment for moment in (since_ms, said.began_ms) if moment]
    return Node(
        session_id,
        visitor_id,
        min(moments, default=0),
        said.assurance,
        said.identifiers,
        said.users,
        said.pairs,
        said.user_id,
    )
