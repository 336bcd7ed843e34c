"""The judgement: whose a session is that names no user itself. Pure; the store brings the links.

Two rules, and no third. By an identifier: the session states an address or an id that has, by the
best proof there is, been stated of one user only. By the browser: the session states nothing, and
one person only was seen in its browser within the window, a user. Where two could be meant, nobody
is: two users are never made one, and no guess decides between them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from services.identity.model import Assurance

SHARED: Final = "shared"
"""Why a session is nobody's: more than one person could be meant."""
STATED: Final = "stated"
_USER: Final = "u:"


def user_person(user_id: str) -> str:
    """A user among persons."""
    return _USER + user_id


def user_of(person: str) -> str:
    """The user that a person is; empty: a person known by an address or an id alone."""
    return person.removeprefix(_USER) if person.startswith(_USER) else ""


@dataclass(frozen=True, slots=True)
class Link:
    """A session has an identifier, and the person it was then. Empty person: nobody yet."""

    session_id: str
    kind: str
    value: str
    person: str
    assurance: Assurance
    at_ms: int


@dataclass(frozen=True, slots=True)
class Joined:
    """Whose the session is taken for, and why; empty user: nobody's."""

    user_id: str = ""
    by: str = ""


NOBODY: Final = Joined()
_AMBIGUOUS: Final = Joined("", SHARED)


def owner(links: Iterable[Link], cut: Collection[str]) -> Joined:
    """The only user of whom an identifier was stated, by the best proof; `cut`: not of these."""
    users: dict[str, Assurance] = {}
    kind = ""
    for link in links:
        user_id = user_of(link.person)
        if user_id and user_id not in cut:
            kind = link.kind
            users[user_id] = max(link.assurance, users.get(user_id, link.assurance))
    if not users:
        return NOBODY
    best = max(users.values())
    likely = [user_id for user_id, assurance in users.items() if assurance is best]
    return Joined(likely[0], kind) if len(likely) == 1 else _AMBIGUOUS


def companion(links: Iterable[Link], at_ms: int, window_ms: int, cut: Collection[str]) -> Joined:
    """The only person seen in a browser near a moment, if that is a user.

    Whoever is known by an address alone counts: it may be another person's.
    """
    people: set[str] = set()
    kind = ""
    for link in links:
        near = abs(link.at_ms - at_ms) <= window_ms
        if link.person and near and user_of(link.person) not in cut:
            kind = link.kind
            people.add(link.person)
    if not people:
        return NOBODY
    if len(people) > 1:
        return _AMBIGUOUS
    user_id = user_of(people.pop())
    return Joined(user_id, kind) if user_id else NOBODY
